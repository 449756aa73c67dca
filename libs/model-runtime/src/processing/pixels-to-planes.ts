import { AppError } from '@frontier/contracts/errors';
import type { Tensor } from '@frontier/contracts/tensor';
import { z } from 'zod';
import { planeTables, writePlanes } from './planes.ts';
import { floatTensor, put, take } from './tensors.ts';
import type { Preprocessor } from './types.ts';

const optionsSchema = z.strictObject({
  use: z.string(),
  /** UINT8 [rows, height, width, 3], red, green, blue. */
  input: z.string(),
  /** FP32 [rows, 3, height, width], -1 to 1. */
  output: z.string(),
  /** INT32 [rows]: where it is 1 the image is turned by 180 degrees. */
  rotate: z.string().optional(),
  maxWidth: z.int().min(1),
});

/**
 * Images of bytes as the graphs of PP-OCR want them. Throws INVALID_INPUT for images wider than `maxWidth`:
 * the memory of a graph grows with the square of it.
 */
export const pixelsToPlanes: Preprocessor = (raw) => {
  const options = optionsSchema.parse(raw);
  const tables = planeTables([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);
  return (batch) => {
    const image = take(batch, options.input);
    const [rows = 0, height = 0, width = 0] = image.shape;
    if (width < 1 || width > options.maxWidth) {
      throw new AppError(
        'INVALID_INPUT',
        `tensor ${options.input}: width ${width}, allowed 1 to ${options.maxWidth}`,
      );
    }
    const turned = options.rotate === undefined ? undefined : batch.tensors.get(options.rotate);
    if (turned) batch.tensors.delete(turned.name);
    const pixels = height * width;
    const out = new Float32Array(rows * 3 * pixels);
    for (let row = 0; row < rows; row++) {
      const from = row * 3 * pixels;
      writePlanes(image.data, from, pixels, tables, out, from);
      if (turned && isSet(turned, row)) turnPlanes(out.subarray(from, from + 3 * pixels), pixels);
    }
    put(batch, floatTensor(options.output, [rows, 3, height, width], out));
  };
};

function isSet({ data }: Tensor, row: number): boolean {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getInt32(row * 4, true) === 1;
}

/** By 180 degrees: the pixels of each plane in reverse order. */
function turnPlanes(planes: Float32Array, pixels: number): void {
  for (let at = 0; at < planes.length; at += pixels) planes.subarray(at, at + pixels).reverse();
}
