import { modelSpecSchema } from '@frontier/contracts/model-spec';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import { Serving } from './serving.ts';

const io = [{ name: 'x', dtype: 'FP32', shape: [-1] }];
const model = (name: string, version: string, more: object = { platform: 'onnx' }) => ({
  spec: modelSpecSchema.parse({ name, version, task: 't', inputs: io, outputs: io, ...more }),
  dir: `/${name}/${version}`,
});
const steps = ['a', 'b'].map((name) => ({ model: name, inputs: { x: 'x' }, outputs: { x: 'x' } }));
const both = model('both', '1', { platform: 'ensemble', ensemble: { steps } });

function serving(records: Partial<ModelTraffic>[] = [], served: string[] = []): Serving {
  const traffic = {
    get: (name: string) => records.find((record) => record.model === name) as ModelTraffic | undefined,
  };
  const made = new Serving({ traffic, serves: ({ name, version }) => served.includes(name + version), lateMs: 60_000 }); // prettier-ignore
  made.replace([model('a', '1'), model('a', '2'), model('b', '1'), both]);
  return made;
}
const ofA = { model: 'a', stable: '1', blocked: ['2'], rollout: null };
const names = (specs: { name: string; version: string }[]) => specs.map(({ name, version }) => name + version); // prettier-ignore

test('a step of an ensemble is the stable version of its model, without a record the latest', () => {
  expect(serving().step('a')?.version).toBe('2');
  expect(serving([ofA]).step('a')?.version).toBe('1');
});

test('what is missing is what no worker runs of what it runs as now', () => {
  expect(names(serving([], ['a2']).missing({ model: 'both', version: '1' }))).toEqual(['b1']);
  expect(names(serving([ofA], ['a2']).missing({ model: 'both', version: '1' }))).toEqual(['a1', 'b1']);
  expect(names(serving([ofA]).missing({ model: 'a', version: '2' }))).toEqual(['a1']);
  expect(serving().missing({ model: 'unknown', version: '1' })).toEqual([]);
});

test('what waits for a blocked version moves, that of an ensemble, too; a canary only as a call of its own', () => {
  const { spec } = model('a', '2');
  expect(serving([ofA]).movedTo(spec, { model: 'both', version: '1' })?.version).toBe('1');
  const over = serving([{ ...ofA, blocked: [] }]);
  expect(over.movedTo(spec, { model: 'a', version: '2', variant: 'canary' })?.version).toBe('1');
  expect(over.movedTo(spec, { model: 'both', version: '1', variant: 'canary' })).toBeUndefined();
});

test('a version that is not known yet is waited for', async () => {
  const made = serving();
  const arrival = made.arrival('a', '3');
  made.replace([model('b', '2')]);
  made.replace([model('a', '3')]);
  await arrival;
  expect(made.spec('a', '3')?.version).toBe('3');
});
