import { AppError } from '@frontier/contracts/errors';
import type { Tensor } from '@frontier/contracts/tensor';
import { shippedModel } from '../testing.ts';
import { pixelsToPlanes } from './pixels-to-planes.ts';
import { floatsOf, intTensor } from './tensors.ts';
import type { ProcessingBatch } from './types.ts';

const OPTIONS = { use: 'pixels-to-planes', input: 'image', output: 'x', rotate: 'rotate', maxWidth: 4 };

async function run(...tensors: Tensor[]): Promise<ProcessingBatch> {
  const step = await pixelsToPlanes(OPTIONS, await shippedModel('ocr-recognise'));
  const batch: ProcessingBatch = {
    rows: tensors[0]?.shape[0] ?? 0,
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    rowErrors: new Map(),
    notes: new Map(),
  };
  await step(batch);
  return batch;
}

/** Images of 1 x 2 pixels. */
function images(...rows: number[][]): Tensor {
  return { name: 'image', dtype: 'UINT8', shape: [rows.length, 1, 2, 3], data: Uint8Array.from(rows.flat()) };
}

test('bytes become planes of blue, green, red from -1 to 1, row by row', async () => {
  const { tensors } = await run(images([255, 0, 0, 0, 255, 51], [0, 0, 255, 0, 0, 0]));
  const x = tensors.get('x') as Tensor;
  expect([x.dtype, x.shape]).toEqual(['FP32', [2, 3, 1, 2]]);
  const rounded = Array.from(floatsOf(x), (value) => Math.round(value * 1000) / 1000);
  expect(rounded).toEqual([-1, -0.6, -1, 1, 1, -1, 1, -1, -1, -1, -1, -1]);
  expect([...tensors.keys()]).toEqual(['x']);
});

test('rotate turns the rows where it is 1, and does not reach the graph', async () => {
  const pixels = [255, 0, 0, 0, 0, 0];
  const { tensors } = await run(images(pixels, pixels), intTensor('rotate', [2], Int32Array.of(0, 1)));
  const x = floatsOf(tensors.get('x') as Tensor);
  expect([...x.subarray(4, 6)]).toEqual([1, -1]);
  expect([...x.subarray(10, 12)]).toEqual([-1, 1]);
  expect([...tensors.keys()]).toEqual(['x']);
});

test.each([0, 5])('width %d is refused with the limit', async (width) => {
  const wide: Tensor = {
    name: 'image',
    dtype: 'UINT8',
    shape: [1, 1, width, 3],
    data: new Uint8Array(width * 3),
  };
  const error = await run(wide).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('1 to 4') as string,
  });
});

test('unknown options are refused when the model is loaded', async () => {
  const model = await shippedModel('ocr-recognise');
  expect(() => pixelsToPlanes({ ...OPTIONS, maxwidth: 3 }, model)).toThrow(/maxwidth/);
});
