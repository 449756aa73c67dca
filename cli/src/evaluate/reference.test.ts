import { driftReferenceSchema } from '@frontier/contracts/drift';
import type { TensorSpec } from '@frontier/contracts/model-spec';
import type { AnswerData } from './answers.ts';
import type { GoldenLine } from './golden-set.ts';
import { referenceOf, type Declared } from './reference.ts';

const tensor = (name: string, dtype: TensorSpec['dtype'], shape: number[], kind: TensorSpec['kind'] = 'tensor'): TensorSpec => ({ name, dtype, shape, kind, optional: false }); // prettier-ignore

/** The edges of the one bin that two lines differ by, which is the smaller value of each feature. */
function smaller(
  declared: Declared,
  ...lines: [Partial<GoldenLine>, Partial<AnswerData>][]
): Record<string, number> {
  const outcomes = lines.map(([line, answer]) => ({ line: { expected: 0, ...line }, latencyMs: 1, answer: { version: '1', ...answer } })); // prettier-ignore
  const reference = referenceOf(declared, outcomes);
  expect(driftReferenceSchema.parse(reference)).toEqual(reference);
  return Object.fromEntries(Object.entries(reference.features).map(([name, { edges }]) => [name, edges[0] as number])); // prettier-ignore
}

test('numbers are what the version gets and gives', () => {
  const declared = {
    inputs: [tensor('a', 'FP32', [-1, 2]), tensor('b', 'INT64', [-1, 1])],
    outputs: [tensor('p', 'FP32', [-1, 2])],
  };
  expect(
    smaller(
      declared,
      [{ inputs: { a: [[0.1, 3]], b: [[5]] } }, { outputs: { p: [[0.25, 0.75]] } }],
      [{ inputs: { a: [[0.2, 4], [0, 0]], b: [[7], [1]] } }, { outputs: { p: [[0.5, 0.5]], other: [1] } }], // prettier-ignore
    ),
  ).toEqual({
    'in.a[0]': Math.fround(0.1),
    'in.a[1]': 3,
    'in.b': 5,
    'out.p[0]': 0.25,
    'out.p[1]': 0.5,
    'out.p.argmax': 0,
  });
});

test('what JSON cannot hold is left out', () => {
  const declared = { inputs: [tensor('a', 'FP32', [-1, 1])], outputs: [tensor('p', 'FP32', [-1])] };
  const lines = [1, 2, 3].map((a): [Partial<GoldenLine>, Partial<AnswerData>] => [{ inputs: { a: [[a]] } }, { outputs: { p: [a === 1 ? null : a] } }]); // prettier-ignore
  expect(smaller(declared, ...lines)).toEqual({ 'in.a': 1, 'out.p': 2 });
});

test('texts, JSON and images count by their bytes, of all rows', () => {
  const text = {
    inputs: [tensor('text', 'BYTES', [-1], 'text')],
    outputs: [tensor('out', 'BYTES', [-1], 'json')],
  };
  expect(
    smaller(
      text,
      [{ prompt: 'ä' }, { output: [1, 2] }],
      [{ input: ['abcd', 'ab'] }, { output: ['longer', 'er'] }],
    ),
  ).toEqual({ 'in.text.bytes': 2, 'out.out.bytes': 5 });
  const image = { inputs: [tensor('image', 'BYTES', [-1], 'image')], outputs: [] };
  expect(
    smaller(image, [{ input: 'AAAA' }, {}], [{ input: `data:image/png;base64,${'A'.repeat(16)}` }, {}]),
  ).toEqual({ 'in.image.bytes': 3 });
});

test('without a difference, or an answer, there is no reference', () => {
  const declared = { inputs: [tensor('text', 'BYTES', [-1], 'text')], outputs: [] };
  expect(() => smaller(declared, [{ input: 'a' }, {}], [{ input: 'b' }, {}])).toThrow(
    'the same on every line',
  );
  const line = { input: 'longer', expected: 0 };
  expect(() => referenceOf(declared, [{ line, latencyMs: 1, error: 'it failed' }])).toThrow('no reference');
});
