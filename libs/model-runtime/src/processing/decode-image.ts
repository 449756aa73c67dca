import { AppError, toWireError } from '@frontier/contracts/errors';
import { bytesElements } from '@frontier/contracts/tensor';
import sharp from 'sharp';
import { z } from 'zod';
import { planeTables, writePlanes } from './planes.ts';
import { floatTensor, put, take } from './tensors.ts';
import type { Preprocessor } from './types.ts';

/** Interleaved red, green, blue bytes. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
}

/** The note under which `decodeImage` leaves the {@link RgbImage} at its full size. */
export const IMAGE_NOTE = 'image';

// libvips remembers its last results for those who ask again; nobody does.
sharp.cache(false);

const DECODE_TIMEOUT_S = 10;
const EMPTY: RgbImage = { data: new Uint8Array(3), width: 1, height: 1 };

const optionsSchema = z.strictObject({
  use: z.string(),
  /** BYTES [1]: a PNG or JPEG file. */
  input: z.string(),
  /** FP32 [1, 3, height, width]. */
  output: z.string(),
  /** A longer side is scaled down to this. */
  limitSide: z.int().min(32),
  /** Both sides become multiples of this. */
  multipleOf: z.int().min(1),
  /** Of the planes blue, green, red, for values 0 to 1. */
  mean: z.array(z.number()).length(3),
  std: z.array(z.number().gt(0)).length(3),
});

/**
 * Decodes and scales an image. One row only, since images differ in size: models that use it say `maxRows: 1`.
 * A file that is no image, is cut short or has more pixels than `limits.maxPixels` becomes a row error.
 */
export const decodeImage: Preprocessor = (raw, model) => {
  const options = optionsSchema.parse(raw);
  const tables = planeTables(options.mean, options.std);
  return async (batch) => {
    const [file, ...more] = bytesElements(take(batch, options.input));
    if (!file || more.length > 0)
      throw new AppError('INVALID_INPUT', `tensor ${options.input}: one image a request`);
    const image = await decode(file, model.spec.limits.maxPixels).catch((error: unknown) => {
      batch.rowErrors.set(0, toWireError(AppError.from(error)));
      return EMPTY;
    });
    const { data, width, height } = await scaled(image, options);
    const out = new Float32Array(3 * width * height);
    writePlanes(data, 0, width * height, tables, out, 0);
    put(batch, floatTensor(options.output, [1, 3, height, width], out));
    batch.notes.set(IMAGE_NOTE, image);
  };
};

/** Throws INVALID_INPUT with what is wrong with the file. */
async function decode(file: Uint8Array, maxPixels: number): Promise<RgbImage> {
  // Only what is promised reaches the decoder: it knows a dozen formats more, some of which read other files.
  if (!isPng(file) && !isJpeg(file)) throw new AppError('INVALID_INPUT', 'the image is neither PNG nor JPEG');
  // The header alone, before anything of its size is allocated.
  const { width, height } = await sharp(file, { limitInputPixels: false }).metadata().catch(refuse);
  if (width * height > maxPixels) {
    throw new AppError(
      'INVALID_INPUT',
      `the image has ${width} x ${height} pixels, allowed are ${maxPixels}`,
      {
        details: { width, height, max_pixels: maxPixels },
      },
    );
  }
  const { data, info } = await sharp(file, { failOn: 'error', limitInputPixels: maxPixels })
    .timeout({ seconds: DECODE_TIMEOUT_S })
    .autoOrient()
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  return { data, width: info.width, height: info.height };
}

function refuse(error: unknown): never {
  throw new AppError('INVALID_INPUT', 'the image cannot be decoded: it is damaged or cut short', {
    cause: error,
  });
}

function isPng(file: Uint8Array): boolean {
  return [0x89, 0x50, 0x4e, 0x47].every((byte, i) => file[i] === byte);
}

function isJpeg(file: Uint8Array): boolean {
  return [0xff, 0xd8, 0xff].every((byte, i) => file[i] === byte);
}

async function scaled(image: RgbImage, options: z.output<typeof optionsSchema>): Promise<RgbImage> {
  const { limitSide, multipleOf } = options;
  const scale = Math.min(1, limitSide / Math.max(image.width, image.height));
  const side = (pixels: number): number =>
    Math.max(1, Math.round((pixels * scale) / multipleOf)) * multipleOf;
  const [width, height] = [side(image.width), side(image.height)];
  const data = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer();
  return { data, width, height };
}
