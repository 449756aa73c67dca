import { bytesTensor, type Tensor } from '@frontier/contracts/tensor';
import { rowValues } from './row-values.ts';

const tensor = (dtype: Tensor['dtype'], shape: number[], data: ArrayBufferView): Tensor => ({
  name: 'x',
  dtype,
  shape,
  data: new Uint8Array(data.buffer),
});

describe('rowValues', () => {
  it('nests numbers as the shape says, and rounds floats to what they hold', () => {
    const boxes = Float32Array.from({ length: 16 }, (_, i) => i + 0.1);
    expect(rowValues(tensor('FP32', [2, 4, 2], boxes))[1]).toEqual([[8.1, 9.1], [10.1, 11.1], [12.1, 13.1], [14.1, 15.1]]); // prettier-ignore
    expect(rowValues(tensor('INT32', [2], Int32Array.of(3, -4)))).toEqual([3, -4]);
    expect(rowValues(tensor('BOOL', [2], Uint8Array.of(0, 1)))).toEqual([false, true]);
  });

  it('shows text, and nothing for no rows', () => {
    expect(rowValues(bytesTensor('t', [Buffer.from('é'), Buffer.from('')]))).toEqual(['é', '']);
    expect(rowValues(tensor('FP32', [0, 4], new Float32Array(0)))).toEqual([]);
  });

  it('reads data at any offset', () => {
    const all = new Uint8Array(9);
    all.set(new Uint8Array(Int32Array.of(7, 8).buffer), 1);
    expect(rowValues({ name: 'x', dtype: 'INT32', shape: [2], data: all.subarray(1) })).toEqual([7, 8]);
  });
});
