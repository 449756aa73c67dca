import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelSpecSchema } from '@frontier/contracts/model-spec';
import { createLogger } from '@frontier/kit/logger';
import type { StoredModel } from '@frontier/model-store/repository';
import type { ReadyModel } from './loading.ts';
import { ModelSet, type ModelSetOptions } from './model-set.ts';

const log = createLogger({ service: 'worker', level: 'silent' });
const MiB = 1024 * 1024;
/** Of each version here, about. */
const EACH = 24 * MiB;

let dir = '';
let set: ModelSet;
const loads: string[] = [];
const unloaded: string[] = [];
let failing = new Set<string>();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'frontier-set-'));
  loads.length = 0;
  unloaded.length = 0;
  failing = new Set();
});

afterEach(async () => {
  await set.close();
  await rm(dir, { recursive: true });
});

/** `bytes`: of its graph. */
async function version(name: string, version: string, bytes = 1): Promise<StoredModel> {
  const folder = join(dir, name, version);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.onnx'), new Uint8Array(bytes));
  const io = [{ name: 'x', dtype: 'FP32', shape: [-1] }];
  const spec = modelSpecSchema.parse({ name, version, task: 't', platform: 'onnx', artifact: { file: 'model.onnx' }, inputs: io, outputs: io }); // prettier-ignore
  return { spec, dir: folder, artifact: join(folder, 'model.onnx') };
}

async function load({ spec: { name, version } }: StoredModel): Promise<ReadyModel> {
  loads.push(`${name}@${version}`);
  if (failing.has(name)) throw new Error('it is broken');
  const close = () => {
    unloaded.push(`${name}@${version}`);
    return Promise.resolve();
  };
  const loaded = { kind: 'batch', capacity: 2, close } as unknown as ReadyModel['loaded'];
  const offer = { name, version, capacity: 2, instances: 1, provider: 'cpu' };
  const labels = { model: name, version, pool: 'cpu' } as const;
  return Promise.resolve({ loaded, offer, labels, underWay: 0, usedAt: performance.now() });
}

function make(options: Partial<ModelSetOptions> = {}): ModelSet {
  const nothing = (): void => {};
  set = new ModelSet({ budget: 2.5 * EACH, idleMs: 0, load, onChange: nothing, onLoadFailed: nothing, onUnloaded: nothing, log, ...options }); // prettier-ignore
  return set;
}

const offered = () => set.offers().map(({ name, version }) => `${name}@${version}`).sort(); // prettier-ignore
const ready = (key: string) => set.get(key) as ReadyModel;

test('the newest version of each model comes first', async () => {
  await make().update([await version('a', '9'), await version('a', '10'), await version('b', '1')]);
  await set.settled();
  expect(offered()).toEqual(['a@10', 'b@1']);
});

test('what was idle for longest makes room; what works stays', async () => {
  const models = await Promise.all(['a', 'b', 'c', 'd'].map((name) => version(name, '1')));
  await make({ budget: 3.5 * EACH }).update(models);
  await set.settled();
  expect(offered()).toEqual(['a@1', 'b@1', 'c@1']);
  Object.assign(ready('a@1'), { usedAt: 0, underWay: 1 });
  Object.assign(ready('b@1'), { usedAt: 2 });
  Object.assign(ready('c@1'), { usedAt: 1 });
  set.want({ name: 'd', version: '1' });
  await set.settled();
  expect(unloaded).toEqual(['c@1']);
  expect(offered()).toEqual(['a@1', 'b@1', 'd@1']);
});

test('nothing is unloaded where that does not make enough room', async () => {
  const [small, other, large] = [await version('a', '1'), await version('b', '1'), await version('c', '1', 12 * MiB)]; // prettier-ignore
  await make({ budget: 2.1 * EACH }).update([small, other, large]);
  await set.settled();
  ready('a@1').underWay = 1;
  set.want({ name: 'c', version: '1' });
  await set.settled();
  expect([offered(), unloaded]).toEqual([['a@1', 'b@1'], []]);
});

test('a wish counts once: what it brought and another wish pushed out stays out', async () => {
  await make({ budget: 1.5 * EACH }).update([await version('a', '1'), await version('a', '2')]);
  await set.settled();
  set.want({ name: 'a', version: '1' });
  await set.settled();
  set.want({ name: 'a', version: '2' });
  await set.settled();
  expect(loads).toEqual(['a@2', 'a@1', 'a@2']);
});

test('what ran a moment ago is not idle', async () => {
  const models = [await version('a', '1'), await version('b', '1'), await version('c', '1')];
  await make({ idleMs: 60_000 }).update(models);
  await set.settled();
  set.want({ name: 'c', version: '1' });
  await set.settled();
  expect(offered()).toEqual(['a@1', 'b@1']);
});

test('a version that goes leaves when its work has ended', async () => {
  const [a, b] = [await version('a', '1'), await version('b', '1')];
  await make().update([a, b]);
  await set.settled();
  ready('a@1').underWay = 1;
  await set.update([b]);
  expect(offered()).toEqual(['b@1']);
  expect(set.get('a@1')).toBeDefined();
  ready('a@1').underWay = 0;
  await set.settled();
  expect([set.get('a@1'), unloaded]).toEqual([undefined, ['a@1']]);
});

test('a loaded version whose files are damaged stays', async () => {
  const a = await version('a', '1');
  await make().update([a]);
  await set.settled();
  await rm(join(a.dir, 'model.onnx'));
  await set.update([a]);
  await set.settled();
  expect([offered(), unloaded]).toEqual([['a@1'], []]);
});

test('what failed is tried again when its files change, and not before', async () => {
  failing.add('a');
  const failures: string[] = [];
  const models = [await version('a', '1')];
  await make({ onLoadFailed: ({ spec }) => failures.push(spec.name) }).update(models);
  await set.settled();
  await set.update(models);
  set.want({ name: 'a', version: '1' });
  await set.settled();
  expect([loads, failures]).toEqual([['a@1'], ['a']]);
  failing.clear();
  await set.update([await version('a', '1', 2)]);
  while (offered().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(loads).toEqual(['a@1', 'a@1']);
});

test('what needs more than there is at all is a failure, and stops nobody', async () => {
  const failures: string[] = [];
  const models = [await version('a', '1', 64 * MiB), await version('b', '1')];
  await make({ onLoadFailed: ({ spec }) => failures.push(spec.name) }).update(models);
  await set.settled();
  expect([offered(), failures]).toEqual([['b@1'], ['a']]);
});
