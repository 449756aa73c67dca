import { bytesTensor, type Tensor } from '@frontier/contracts/tensor';
import { z } from 'zod';
import { regions, type NumberMap } from './components.ts';
import { crop, length, PADDING, parallelogram, type Parallelogram } from './crop.ts';
import { IMAGE_NOTE, type RgbImage } from './decode-image.ts';
import { corners, minAreaRectangle, readingOrder, unclip, type Point, type Rectangle } from './geometry.ts';
import { floatsOf, floatTensor, put, take } from './tensors.ts';
import type { Postprocessor } from './types.ts';

/** What the direction and recognition graphs of PP-OCR take. */
const CROP_HEIGHT = 48;
const CROP_STEP = 32;
const CROP_MAX_WIDTH = 1920;
const THUMB_WIDTH = 192;

/** Pixels of the map; thinner regions are specks, and what is still thin after growing is no line. */
const MIN_SIDE = 3;
const MIN_GROWN_SIDE = 5;

const optionsSchema = z.strictObject({
  use: z.string(),
  /** FP32 [1, 1, height, width]: the probability that a pixel is text. */
  input: z.string(),
  threshold: z.number(),
  /** The mean probability of a box at least. */
  boxThreshold: z.number(),
  unclipRatio: z.number(),
  /** Boxes of one image at most; the best ones stay. */
  maxBoxes: z.int().min(1),
});

type Options = z.output<typeof optionsSchema>;

type Quad = readonly [Point, Point, Point, Point];

interface Box {
  rectangle: Rectangle;
  score: number;
}

/**
 * Text lines of the map of a DB detector, in reading order: `boxes` FP32 [n, 4, 2] (top left, top right, bottom
 * right, bottom left, in whole pixels of the image), `scores` FP32 [n], `thumbs` UINT8 [n, 48, 192, 3] and `crops`
 * BYTES [n], raw RGB of 48 x width, the width a multiple of 32. Wants the image that `decode-image` left.
 */
export const textBoxes: Postprocessor = (raw) => {
  const options = optionsSchema.parse(raw);
  return (batch) => {
    const tensor = take(batch, options.input);
    const image = batch.notes.get(IMAGE_NOTE) as RgbImage;
    const [, , height = 0, width = 0] = tensor.shape;
    const boxes = findBoxes({ values: floatsOf(tensor), width, height }, options);
    const toImage = ({ x, y }: Point): Point => ({
      x: (x * image.width) / width,
      y: (y * image.height) / height,
    });
    const quads = boxes.map(({ rectangle }): Quad => {
      const [a, b, c, d] = corners(rectangle);
      return [toImage(a), toImage(b), toImage(c), toImage(d)];
    });
    const lines = quads.map((quad) => cropLine(image, parallelogram(quad)));
    const scores = boxes.map(({ score }) => score);
    const crops = lines.map((line) => line.image.data);
    put(batch, cornersTensor(quads, image));
    put(batch, floatTensor('scores', [scores.length], Float32Array.from(scores)));
    put(batch, thumbsTensor(lines));
    put(batch, bytesTensor('crops', crops));
    batch.notes.set('outputRows', [boxes.length]);
  };
};

/** Rectangles of the map's pixels, grown to whole lines, in reading order. */
export function findBoxes(map: NumberMap, options: Omit<Options, 'use' | 'input'>): Box[] {
  const boxes: Box[] = [];
  for (const points of regions(map, options.threshold)) {
    const kernel = minAreaRectangle(points);
    if (Math.min(kernel.width, kernel.height) < MIN_SIDE) continue;
    const score = meanInside(map, kernel);
    if (score < options.boxThreshold) continue;
    const rectangle = unclip(kernel, options.unclipRatio);
    if (Math.min(rectangle.width, rectangle.height) >= MIN_GROWN_SIDE) boxes.push({ rectangle, score });
  }
  const best = boxes.sort((a, b) => b.score - a.score).slice(0, options.maxBoxes);
  return readingOrder(best, ({ rectangle }) => rectangle);
}

/** The mean of the map over the pixels whose middle is in the rectangle. */
function meanInside({ values, width, height }: NumberMap, rectangle: Rectangle): number {
  const { cx, cy, ux, uy } = rectangle;
  const points = corners(rectangle);
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right] = [
    Math.max(0, Math.floor(Math.min(...xs))),
    Math.min(width - 1, Math.ceil(Math.max(...xs))),
  ];
  const [top, bottom] = [
    Math.max(0, Math.floor(Math.min(...ys))),
    Math.min(height - 1, Math.ceil(Math.max(...ys))),
  ];
  let sum = 0;
  let count = 0;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const u = (x + 0.5 - cx) * ux + (y + 0.5 - cy) * uy;
      const v = (y + 0.5 - cy) * ux - (x + 0.5 - cx) * uy;
      if (Math.abs(u) > rectangle.width / 2 || Math.abs(v) > rectangle.height / 2) continue;
      sum += values[y * width + x] as number;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

interface Line {
  image: RgbImage;
  /** Columns before the padding. */
  width: number;
}

function cropLine(image: RgbImage, part: Parallelogram): Line {
  const natural = Math.ceil((CROP_HEIGHT * length(part.right)) / length(part.down));
  const width = Math.min(CROP_MAX_WIDTH, Math.max(1, natural));
  const padded = Math.ceil(width / CROP_STEP) * CROP_STEP;
  return { image: crop(image, part, width, CROP_HEIGHT, padded), width };
}

function cornersTensor(quads: readonly Quad[], { width, height }: RgbImage): Tensor {
  const values = quads.flatMap((quad) => quad.flatMap(({ x, y }) => [pixelIn(x, width), pixelIn(y, height)]));
  return floatTensor('boxes', [quads.length, 4, 2], Float32Array.from(values));
}

function pixelIn(value: number, size: number): number {
  return Math.round(Math.min(size, Math.max(0, value)));
}

/** The lines once more, squeezed into what the direction graph takes. */
function thumbsTensor(lines: readonly Line[]): Tensor {
  const size = CROP_HEIGHT * THUMB_WIDTH * 3;
  const data = new Uint8Array(lines.length * size).fill(PADDING);
  lines.forEach(({ image, width }, i) => {
    const whole = { origin: { x: 0, y: 0 }, right: { x: width, y: 0 }, down: { x: 0, y: CROP_HEIGHT } };
    data.set(crop(image, whole, Math.min(width, THUMB_WIDTH), CROP_HEIGHT, THUMB_WIDTH).data, i * size);
  });
  return { name: 'thumbs', dtype: 'UINT8', shape: [lines.length, CROP_HEIGHT, THUMB_WIDTH, 3], data };
}
