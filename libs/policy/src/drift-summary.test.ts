import { bytesTensor, type DType, type Tensor } from '@frontier/contracts/tensor';
import { summarise } from './drift-summary.ts';

const tensor = (dtype: DType, shape: number[], data: ArrayBufferView, name = 'x'): Tensor => ({ name, dtype, shape, data: new Uint8Array(data.buffer) }); // prettier-ignore
const bytes = (...texts: string[]) => bytesTensor('text', texts.map((text) => new TextEncoder().encode(text))); // prettier-ignore

test('few numbers one by one, of the first row; classes by the greatest', () => {
  const scores = tensor('FP32', [2, 3], new Float32Array([0.25, 0.5, 0.125, 9, 9, 9]), 'scores');
  expect(summarise([tensor('INT16', [1], new Int16Array([-3]))], [scores])).toEqual({
    'in.x': -3,
    'out.scores[0]': 0.25,
    'out.scores[1]': 0.5,
    'out.scores[2]': 0.125,
    'out.scores.argmax': 1,
  });
});

test('many numbers by mean and deviation, of some of them when they are very many', () => {
  const values = Uint8Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 10 : 20));
  expect(summarise([tensor('UINT8', [1, 40], values)], [])).toEqual({ 'in.x.mean': 15, 'in.x.deviation': 5 });
  const large = new Float64Array(1_000_000).fill(7);
  expect(summarise([tensor('FP64', [1, 1000, 1000], large)], [])).toEqual({ 'in.x.mean': 7, 'in.x.deviation': 0 }); // prettier-ignore
});

test('bytes by their mean length', () => {
  expect(summarise([bytes('ab', 'abcd')], [])).toEqual({ 'in.text.bytes': 3 });
  expect(summarise([bytesTensor('text', [])], [])).toEqual({});
});

test('tensors without elements have no features', () => {
  expect(summarise([tensor('FP32', [0, 4], new Float32Array(0))], [])).toEqual({});
});

test.each<[DType, ArrayBufferView, number]>([
  ['BOOL', new Uint8Array([1]), 1],
  ['UINT8', new Uint8Array([200]), 200],
  ['INT8', new Int8Array([-5]), -5],
  ['UINT16', new Uint16Array([60_000]), 60_000],
  ['INT32', new Int32Array([-70_000]), -70_000],
  ['UINT32', new Uint32Array([4e9]), 4e9],
  ['INT64', new BigInt64Array([-5n]), -5],
  ['UINT64', new BigUint64Array([5n]), 5],
  ['FP32', new Float32Array([0.5]), 0.5],
  ['FP64', new Float64Array([0.1]), 0.1],
  ['FP16', new Uint16Array([0x3c00]), 1],
  ['FP16', new Uint16Array([0xc100]), -2.5],
  ['FP16', new Uint16Array([0x0001]), 2 ** -24],
  ['FP16', new Uint16Array([0xfc00]), -Infinity],
  ['FP16', new Uint16Array([0x7e00]), NaN],
])('reads %s', (dtype, data, value) => {
  expect(summarise([tensor(dtype, [1], data)], [])).toEqual({ 'in.x': value });
});
