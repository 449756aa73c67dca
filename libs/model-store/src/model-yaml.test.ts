import { parseModelYaml } from './model-yaml.ts';
import { modelYaml } from './testing/version-folder.ts';

test('a sound file', () => {
  expect(parseModelYaml(modelYaml('a', '1'))).toMatchObject({ name: 'a', version: '1' });
});

test('every unknown and every wrong field is named with its line', () => {
  const text = modelYaml('a', '1', 'batchign: {}\nbatching:\n  maxRows: 4\n  windowMS: 3\n  windowMs: -1\n');
  expect(() => parseModelYaml(text)).toThrow(
    /^line 8: batchign: unknown field\nline 11: batching\.windowMS: unknown field\nline 12: batching\.windowMs: .+$/,
  );
});

test('a fault in a list has the line of its element', () => {
  const text = modelYaml('a', '1').replace('inputs: [{', 'inputs:\n  - { name: z, dtype: FP32, shape: [-1] }\n  - {').replace('FP32, shape: [-1, 2] }]\noutputs', 'FP99, shape: [-1, 2] }\noutputs'); // prettier-ignore
  expect(() => parseModelYaml(text)).toThrow(/^line 8: inputs\.1\.dtype: /);
});

test('a missing field has the line of what it is missing in', () => {
  const text = modelYaml('a', '1', 'ensemble:\n  maxRows: 4\n');
  expect(() => parseModelYaml(text)).toThrow(/^line 8: ensemble\.steps: /);
  expect(() => parseModelYaml('')).toThrow(/^line 1: model\.yaml: /);
});

test('text that is no YAML has its line too', () => {
  expect(() => parseModelYaml('name: a\nversion: [\n')).toThrow(/line [23]/);
});
