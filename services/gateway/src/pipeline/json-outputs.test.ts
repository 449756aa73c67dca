import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesTensor, type DType, type Tensor } from '@frontier/contracts/tensor';
import { outputsJson, outputText } from './json-outputs.ts';

function declared(
  name: string,
  dtype: DType,
  shape: number[],
  kind: TensorSpec['kind'] = 'tensor',
): TensorSpec {
  return { name, dtype, shape, kind, optional: false };
}

function numbers(name: string, dtype: DType, shape: number[], array: ArrayBufferView): Tensor {
  // At an odd offset, as results lie in a reply.
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const shifted = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1);
  return { name, dtype, shape, data: shifted };
}

const parsed = (specs: TensorSpec[], tensors: Tensor[]) =>
  JSON.parse(`{${outputsJson(specs, tensors)}}`) as unknown;

describe('outputsJson', () => {
  it('nests tensors by their shape', () => {
    const tensors = [
      numbers('a', 'INT32', [2, 3], Int32Array.of(1, 2, 3, -4, 5, 6)),
      numbers('b', 'FP32', [1, 2, 2], Float32Array.of(0.5, 1, NaN, -Infinity)),
      numbers('c', 'INT64', [1, 1], BigInt64Array.of(-3n)),
      numbers('d', 'BOOL', [2], Uint8Array.of(1, 0)),
      numbers('e', 'FP16', [1], Float16Array.of(1.5)),
      numbers('f', 'FP32', [2, 0], new Float32Array(0)),
    ];
    expect(parsed([], tensors)).toEqual({
      outputs: {
        a: [
          [1, 2, 3],
          [-4, 5, 6],
        ],
        b: [
          [
            [0.5, 1],
            [null, null],
          ],
        ],
        c: [[-3]],
        d: [true, false],
        e: [1.5],
        f: [[], []],
      },
    });
  });

  it('gives the one text or JSON output by itself', () => {
    const text = [declared('t', 'BYTES', [-1], 'text')];
    expect(parsed(text, [bytesTensor('t', [Buffer.from('"Zoë"\n')])])).toEqual({ output: '"Zoë"\n' });
    expect(parsed(text, [bytesTensor('t', [Buffer.from('a'), Buffer.from('b')])])).toEqual({
      output: ['a', 'b'],
    });
    const json = [declared('j', 'BYTES', [-1], 'json')];
    expect(parsed(json, [bytesTensor('j', [Buffer.from('{"n":1}')])])).toEqual({ output: { n: 1 } });
    expect(outputText(text, [bytesTensor('t', [Buffer.from('hi')])])).toBe('hi');
    expect(outputText(text, [bytesTensor('t', [Buffer.from('a'), Buffer.from('b')])])).toBe('["a","b"]');
    expect(outputText(json, [bytesTensor('j', [Buffer.from('[]')])])).toBe('[]');
    expect(outputText([], [numbers('a', 'INT32', [1], Int32Array.of(1))])).toBeUndefined();
  });

  it('gives texts, JSON and images among several outputs by their kind', () => {
    const specs = [
      declared('t', 'BYTES', [-1], 'text'),
      declared('i', 'BYTES', [-1], 'image'),
      declared('j', 'BYTES', [-1], 'json'),
    ];
    const tensors = specs.map(({ name }) => bytesTensor(name, [Buffer.from('12')]));
    expect(parsed(specs, tensors)).toEqual({ outputs: { t: ['12'], i: ['MTI='], j: [12] } });
  });
});
