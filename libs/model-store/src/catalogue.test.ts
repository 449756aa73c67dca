import { modelSpecSchema } from '@frontier/contracts/model-spec';
import { Catalogue } from './catalogue.ts';
import type { StoredModel } from './repository.ts';

function model(name: string, version: string): StoredModel {
  const io = [{ name: 'x', dtype: 'FP32' as const, shape: [-1] }];
  const spec = modelSpecSchema.parse({ name, version, task: 't', platform: 'onnx', inputs: io, outputs: io });
  return { spec, dir: '/' };
}

const catalogue = new Catalogue([model('b', '10'), model('a', '1'), model('b', '9'), model('b', '2')]);

test('the latest version is the highest, numbers compared as numbers', () => {
  expect(catalogue.get('b')?.spec.version).toBe('10');
});

test('a version by its name', () => {
  expect(catalogue.get('b', '2')?.spec.version).toBe('2');
  expect(catalogue.get('b', '3')).toBeUndefined();
  expect(catalogue.get('c')).toBeUndefined();
});

test('lists by name, then version', () => {
  expect(catalogue.names()).toEqual(['a', 'b']);
  expect(catalogue.list().map((m) => `${m.spec.name}${m.spec.version}`)).toEqual(['a1', 'b2', 'b9', 'b10']);
});
