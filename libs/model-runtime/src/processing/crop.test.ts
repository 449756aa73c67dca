import { crop, PADDING, parallelogram } from './crop.ts';
import type { RgbImage } from './decode-image.ts';

/** Red tells the column, green the row. */
function gradient(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set([i % width, Math.floor(i / width), 7], i * 3);
  return { data, width, height };
}

function pixel({ data, width }: RgbImage, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

const SOURCE = gradient(100, 80);

test('an upright part of the same size is a copy, with padding behind it', () => {
  const part = { origin: { x: 10, y: 20 }, right: { x: 30, y: 0 }, down: { x: 0, y: 15 } };
  const out = crop(SOURCE, part, 30, 15, 32);
  expect([out.width, out.height]).toEqual([32, 15]);
  expect(pixel(out, 0, 0)).toEqual([10, 20, 7]);
  expect(pixel(out, 29, 14)).toEqual([39, 34, 7]);
  expect(pixel(out, 30, 14)).toEqual([PADDING, PADDING, PADDING]);
  expect(pixel(out, 31, 0)).toEqual([PADDING, PADDING, PADDING]);
});

test('a turned part becomes upright', () => {
  // Its top goes down to the right along (4, 3) / 5.
  const part = { origin: { x: 30, y: 20 }, right: { x: 40, y: 30 }, down: { x: -12, y: 16 } };
  const out = crop(SOURCE, part, 50, 20, 50);
  expect(pixel(out, 0, 0)[0]).toBeCloseTo(30, -0.5);
  expect(pixel(out, 49, 0)[0]).toBeCloseTo(69, -0.5);
  expect(pixel(out, 49, 0)[1]).toBeCloseTo(49, -0.5);
  expect(pixel(out, 0, 19)[0]).toBeCloseTo(19, -0.5);
  expect(pixel(out, 0, 19)[1]).toBeCloseTo(35, -0.5);
});

test('a part that shrinks is averaged, not sampled', () => {
  const stripes: RgbImage = { data: new Uint8Array(40 * 40 * 3), width: 40, height: 40 };
  for (let i = 0; i < 40 * 40; i++) stripes.data.fill(i % 2 === 0 ? 200 : 0, i * 3, i * 3 + 3);
  const whole = { origin: { x: 0, y: 0 }, right: { x: 40, y: 0 }, down: { x: 0, y: 40 } };
  const out = crop(stripes, whole, 10, 10, 10);
  expect(new Set(out.data)).toEqual(new Set([100]));
});

test('beyond the border goes on what is at the border', () => {
  const part = { origin: { x: -10, y: -10 }, right: { x: 120, y: 0 }, down: { x: 0, y: 100 } };
  const out = crop(SOURCE, part, 120, 100, 120);
  expect(pixel(out, 0, 0)).toEqual([0, 0, 7]);
  expect(pixel(out, 119, 99)).toEqual([99, 79, 7]);
});

test('parallelogram turns what is much higher than wide to the left', () => {
  const [a, b, c, d] = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
    { x: 10, y: 40 },
    { x: 0, y: 40 },
  ] as const;
  expect(parallelogram([a, b, c, d])).toEqual({ origin: b, right: { x: 0, y: 40 }, down: { x: -10, y: 0 } });
  const square = parallelogram([a, { x: 30, y: 0 }, { x: 30, y: 40 }, d]);
  expect(square).toEqual({ origin: a, right: { x: 30, y: 0 }, down: { x: 0, y: 40 } });
});
