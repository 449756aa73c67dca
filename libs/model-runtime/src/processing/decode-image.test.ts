import { crc32 } from 'node:zlib';
import type { WireError } from '@frontier/contracts/errors';
import { bytesTensor } from '@frontier/contracts/tensor';
import sharp from 'sharp';
import { shippedModel } from '../testing.ts';
import { decodeImage, IMAGE_NOTE, type RgbImage } from './decode-image.ts';
import type { ProcessingBatch } from './types.ts';

async function decode(...files: Uint8Array[]): Promise<ProcessingBatch> {
  const model = await shippedModel('ocr-detect');
  const step = await decodeImage(model.spec.preprocess[0] ?? {}, model);
  const batch: ProcessingBatch = {
    rows: files.length,
    tensors: new Map([['image', bytesTensor('image', files)]]),
    rowErrors: new Map(),
    notes: new Map(),
  };
  await step(batch);
  return batch;
}

async function errorOf(file: Uint8Array): Promise<WireError | undefined> {
  const batch = await decode(file);
  // The row keeps its place, so that the graph can run.
  expect(batch.tensors.get('x')?.shape).toEqual([1, 3, 32, 32]);
  return batch.rowErrors.get(0);
}

/** Two pixels, red and blue, enlarged. */
function redBlue(): sharp.Sharp {
  const raw = { width: 2, height: 1, channels: 3 } as const;
  return sharp(Buffer.from([255, 0, 0, 0, 0, 255]), { raw }).resize(200, 100, { kernel: 'nearest' });
}

function imageOf(batch: ProcessingBatch): RgbImage {
  expect(batch.rowErrors.size).toBe(0);
  return batch.notes.get(IMAGE_NOTE) as RgbImage;
}

/** A PNG that is nothing but the claim of its size. */
function bomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write('IHDR', 4, 'latin1');
  header.writeUInt32BE(width, 8);
  header.writeUInt32BE(height, 12);
  header.set([8, 2, 0, 0, 0], 16);
  header.writeUInt32BE(crc32(header.subarray(4, 21)), 21);
  const data = Buffer.concat([Buffer.alloc(4), Buffer.from('IDAT', 'latin1'), Buffer.alloc(4)]);
  data.writeUInt32BE(crc32(data.subarray(4, 8)), 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), header, data]);
}

test('PNG and JPEG: the image at full size, and planes whose sides are multiples of 32', async () => {
  for (const file of [await redBlue().png().toBuffer(), await redBlue().jpeg().toBuffer()]) {
    const batch = await decode(file);
    const image = imageOf(batch);
    expect([image.width, image.height, image.data.length]).toEqual([200, 100, 60_000]);
    expect(image.data[0]).toBeGreaterThan(240);
    expect(batch.tensors.get('x')?.shape).toEqual([1, 3, 96, 192]);
  }
});

test('the longer side is at most 960', async () => {
  const batch = await decode(await redBlue().resize(3000, 1000).png().toBuffer());
  expect(imageOf(batch).width).toBe(3000);
  expect(batch.tensors.get('x')?.shape).toEqual([1, 3, 320, 960]);
});

test('an orientation in EXIF is followed', async () => {
  const image = imageOf(await decode(await redBlue().withMetadata({ orientation: 6 }).jpeg().toBuffer()));
  expect([image.width, image.height]).toEqual([100, 200]);
});

test('gray, 16 bit and transparent images become plain colours, transparency white', async () => {
  const gray = imageOf(await decode(await redBlue().grayscale().png().toBuffer()));
  expect(gray.data).toHaveLength(60_000);
  const deep = imageOf(await decode(await redBlue().toColourspace('rgb16').png().toBuffer()));
  expect([...deep.data.subarray(0, 3)]).toEqual([255, 0, 0]);
  const clear = { create: { width: 40, height: 40, channels: 4, background: '#00000000' } } as const;
  const white = imageOf(await decode(await sharp(clear).png().toBuffer()));
  expect([...white.data.subarray(0, 3)]).toEqual([255, 255, 255]);
});

test('what is no PNG or JPEG never reaches a decoder', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const gif = await redBlue().gif().toBuffer();
  for (const file of [Buffer.from('not an image'), Buffer.alloc(0), svg, gif]) {
    expect(await errorOf(file)).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/PNG nor JPEG/) as string,
    });
  }
});

test('a file that is cut short or damaged is refused', async () => {
  const raw = { width: 300, height: 300, channels: 3 } as const;
  const noise = sharp(Buffer.from(Uint8Array.from({ length: 270_000 }, (_, i) => (i * 7919) >> 3)), { raw });
  for (const whole of [await noise.png().toBuffer(), await noise.jpeg().toBuffer()]) {
    const expected = {
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/damaged or cut short/) as string,
    };
    expect(await errorOf(whole.subarray(0, whole.length / 2))).toMatchObject(expected);
    expect(await errorOf(whole.subarray(0, 40))).toMatchObject(expected);
  }
});

test('an image that claims too many pixels is refused by its header, with the limit', async () => {
  const before = process.memoryUsage().rss;
  for (const [width, height] of [
    [50_000, 50_000],
    [4001, 4000],
  ] as const) {
    const error = await errorOf(bomb(width, height));
    expect(error?.code).toBe('INVALID_INPUT');
    expect(error?.message).toContain('16000000');
    expect(error?.details).toEqual({ width, height, max_pixels: 16_000_000 });
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
});

test('more than one image is refused', async () => {
  const file = await redBlue().png().toBuffer();
  await expect(decode(file, file)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});
