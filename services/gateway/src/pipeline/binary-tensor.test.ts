import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesTensor, type DType, type Tensor } from '@frontier/contracts/tensor';
import { checkBinaryTensor } from './binary-tensor.ts';

const spec = (dtype: DType, shape: number[]): TensorSpec => ({
  name: 'x',
  dtype,
  shape,
  kind: 'tensor',
  optional: false,
});
const tensor = (dtype: DType, shape: number[], array: ArrayBufferView): Tensor => ({
  name: 'x',
  dtype,
  shape,
  data: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
});

describe('checkBinaryTensor', () => {
  it('takes what fits', () => {
    expect(() =>
      checkBinaryTensor(spec('FP32', [-1, 2]), tensor('FP32', [1, 2], Float32Array.of(3.4e38, -0))),
    ).not.toThrow();
    expect(() => checkBinaryTensor(spec('BYTES', [-1]), bytesTensor('x', [Buffer.from('a')]))).not.toThrow();
  });

  it.each<[string, TensorSpec, Tensor, object]>([
    [
      'data type',
      spec('INT32', [-1]),
      tensor('FP32', [1], Float32Array.of(1)),
      { datatype: 'FP32', expected_datatype: 'INT32', shape: [1], expected_shape: [-1] },
    ],
    [
      'shape',
      spec('INT32', [-1, 2]),
      tensor('INT32', [2], Int32Array.of(1, 2)),
      { shape: [2], expected_shape: [-1, 2] },
    ],
    ['negative dimension', spec('INT32', [-1]), tensor('INT32', [-1], Int32Array.of(1)), { shape: [-1] }],
    ['length', spec('INT32', [-1]), tensor('INT32', [2], Int32Array.of(1)), { bytes: 4, expected_bytes: 8 }],
    ['NaN', spec('FP32', [-1]), tensor('FP32', [2], Float32Array.of(1, NaN)), { element: 1 }],
    ['infinity in FP16', spec('FP16', [-1]), tensor('FP16', [1], Float16Array.of(-Infinity)), { element: 0 }],
    [
      'infinity in FP64',
      spec('FP64', [-1]),
      tensor('FP64', [3], Float64Array.of(1, 2, Infinity)),
      { element: 2 },
    ],
  ])('refuses a wrong %s with both sides', (_, declared, given, details) => {
    expect(() => checkBinaryTensor(declared, given)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        details: expect.objectContaining({ tensor: 'x', ...details }),
      }),
    );
  });

  it('refuses BYTES whose lengths lead out', () => {
    const cut = {
      ...bytesTensor('x', [Buffer.from('abc')]),
      data: bytesTensor('x', [Buffer.from('abc')]).data.slice(0, 5),
    };
    expect(() => checkBinaryTensor(spec('BYTES', [-1]), cut)).toThrow('cut short');
  });
});
