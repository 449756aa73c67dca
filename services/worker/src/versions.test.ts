import { Registry } from 'prom-client';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import type { Batch } from '@frontier/rpc/gen/dispatch/v1/Batch';
import { shape } from './config.ts';
import { WorkerService } from './service.ts';
import { FakeDispatcher } from './testing/fake-dispatcher.ts';
import { TestRepository } from './testing/repository.ts';

const log = createLogger({ service: 'worker', level: 'silent' });
const MiB = 1024 * 1024;
/** The estimate for `simple`, about. */
const ONE_MODEL = 24 * MiB;

let repository: TestRepository;
let fake: FakeDispatcher;
let service: WorkerService;
let registry: Registry;

beforeEach(async () => {
  repository = await TestRepository.open();
  fake = new FakeDispatcher();
  await fake.start();
});

afterEach(async () => {
  await service.stop();
  await fake.stop();
  await repository.close();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  registry = new Registry();
  const config = parseEnv(shape, {
    MODEL_REPOSITORY: repository.dir,
    MODEL_POLL_MS: '50',
    DISPATCHERS: fake.address,
    RESOLVE_EVERY_MS: '50',
    ...env,
  });
  service = new WorkerService(config, { log, registry });
  await service.start();
}

/** The versions of the last registration. */
const offered = () => (fake.registrations.at(-1)?.models ?? []).map(({ name, version }) => `${name}@${version}`).sort(); // prettier-ignore
const offers = (...versions: string[]) => fake.until(() => offered().join() === versions.join());

async function metric(name: string): Promise<number> {
  const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** Runs a batch of `simple` and gives the first number of its sum. */
async function run(version: string, id = `b${fake.results.length}`): Promise<number | string | undefined> {
  const data = Buffer.from(new Int32Array(16).fill(21).buffer);
  const inputs = ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'INT32', shape: [1, 16], data }));
  const batch: Batch = { id, model: 'simple', version, items: [{ id, epoch: 0, rows: 1 }], inputs, timeout_ms: 5_000 }; // prettier-ignore
  fake.send({ batch });
  await fake.until(() => fake.results.some(({ batch_id }) => batch_id === id));
  const result = fake.results.find(({ batch_id }) => batch_id === id);
  return result?.error?.code ?? result?.outputs[0]?.data.readInt32LE(0);
}

test('a version that is published is loaded beside the others, and one that is removed ends its work and goes', async () => {
  await repository.add('simple', '1');
  await start();
  await offers('simple@1');
  await repository.add('simple', '2');
  await offers('simple@1', 'simple@2');
  await fake.until(() => fake.creditsOf('simple') === 4);
  expect([await run('1'), await run('2')]).toEqual([42, 42]);
  await repository.remove('simple', '1');
  await offers('simple@2');
  // Sent before the dispatcher knew.
  expect(await run('1')).toBe(42);
  while ((await metric('model_unloads_total')) === 0) await new Promise((r) => setTimeout(r, 20));
  expect(await run('1')).toBe('UNAVAILABLE');
  expect(await run('2')).toBe(42);
  expect(await registry.metrics()).not.toContain('worker_capacity{model="simple",version="1"');
});

test('a version of a model that needs a package, and that comes later, is loaded too', async () => {
  await repository.add('simple', '1');
  await start();
  await offers('simple@1');
  await repository.add('text-direction', '1');
  await repository.add('text-direction', '2');
  await offers('simple@1', 'text-direction@1', 'text-direction@2');
});

test('a version that cannot be loaded changes nothing for the others, is counted, and is loaded once it is mended', async () => {
  await repository.add('simple', '1');
  await start();
  await offers('simple@1');
  // A well-formed file without a graph.
  await repository.add('simple', '2', '\b\b');
  while ((await metric('model_load_failures_total')) === 0) await new Promise((r) => setTimeout(r, 20));
  expect(await run('1')).toBe(42);
  expect(offered()).toEqual(['simple@1']);
  await repository.remove('simple', '2');
  await repository.add('simple', '2');
  await offers('simple@1', 'simple@2');
  expect(await run('2')).toBe(42);
});

test('what does not fit is loaded when it is wanted, in the place of what is idle', async () => {
  for (const version of ['1', '2', '3']) await repository.add('simple', version);
  await start({ MODEL_MEMORY_BYTES: String(Math.floor(2.5 * ONE_MODEL)), MODEL_IDLE_MS: '0' });
  await offers('simple@2', 'simple@3');
  await run('3');
  fake.send({ wanted: { models: [{ name: 'simple', version: '1' }, { name: 'unknown', version: '1' }] } }); // prettier-ignore
  await offers('simple@1', 'simple@3');
  expect(await run('1')).toBe(42);
  expect(await metric('worker_model_memory_bytes')).toBeGreaterThan(2 * ONE_MODEL);
  expect(await metric('worker_model_memory_bytes')).toBeLessThan(2.5 * ONE_MODEL);
});

test('a worker for which no version is small enough does not start', async () => {
  await repository.add('simple', '1');
  await expect(start({ MODEL_MEMORY_BYTES: String(MiB) })).rejects.toThrow('no model could be loaded');
  expect(await metric('model_load_failures_total')).toBe(1);
});
