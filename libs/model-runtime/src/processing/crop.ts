import type { RgbImage } from './decode-image.ts';
import type { Point } from './geometry.ts';

/** A part of an image that becomes upright: its top left corner and the vectors along its top and its left side. */
export interface Parallelogram {
  origin: Point;
  right: Point;
  down: Point;
}

/**
 * The gray that fills what an image does not: normalised to -1..1 it is the zero next to nothing that the graphs
 * were trained with.
 */
export const PADDING = 127;

/** From this share of height to width on a box holds vertical text, or a line of a page that lies on its side. */
const VERTICAL_FROM = 1.5;

const MAX_SAMPLES = 8;

export function length({ x, y }: Point): number {
  return Math.hypot(x, y);
}

/** The part inside four corners (top left first, clockwise); a vertical one turned by 90 degrees to the left. */
export function parallelogram([a, b, c, d]: readonly [Point, Point, Point, Point]): Parallelogram {
  const [top, left] = [minus(b, a), minus(d, a)];
  if (length(left) < VERTICAL_FROM * length(top)) return { origin: a, right: top, down: left };
  return { origin: b, right: minus(c, b), down: minus(a, b) };
}

function minus(a: Point, b: Point): Point {
  return { x: a.x - b.x, y: a.y - b.y };
}

/**
 * Draws the part as the left `width` columns of a new image of `paddedWidth` x `height`; the rest is padding.
 * Beyond its border the source goes on with its border's colour. Where the part shrinks, a pixel is the mean of
 * n x n samples: a single one would make specks of the grain of a large photo.
 */
export function crop(
  source: RgbImage,
  part: Parallelogram,
  width: number,
  height: number,
  paddedWidth: number,
): RgbImage {
  const data = new Uint8Array(paddedWidth * height * 3).fill(PADDING);
  const n = Math.min(MAX_SAMPLES, Math.max(1, Math.round(length(part.down) / height)));
  const row = new Float32Array(width * 3);
  for (let y = 0; y < height; y++) {
    row.fill(0.5);
    for (let i = 0.5; i < n; i++) {
      for (let j = 0.5; j < n; j++)
        addSamples(source, part, j / n / width, (y + i / n) / height, row, 1 / (n * n));
    }
    data.set(row, y * paddedWidth * 3);
  }
  return { data, width: paddedWidth, height };
}

/**
 * Adds `share` of a colour to each pixel of a row: that at (s, t) of the part, 0 to 1, to the first one, then
 * onwards along its top. Each is interpolated between the four pixels of the source around it.
 */
function addSamples(
  { data, width, height }: RgbImage,
  { origin, right, down }: Parallelogram,
  s: number,
  t: number,
  row: Float32Array,
  share: number,
): void {
  const stepX = (3 * right.x) / row.length;
  const stepY = (3 * right.y) / row.length;
  let x = origin.x + s * right.x + t * down.x - 0.5;
  let y = origin.y + s * right.y + t * down.y - 0.5;
  for (let at = 0; at < row.length; at += 3, x += stepX, y += stepY) {
    const px = clamp(x, width - 1);
    const py = clamp(y, height - 1);
    const x0 = Math.trunc(px);
    const y0 = Math.trunc(py);
    const next = x0 < width - 1 ? 3 : 0;
    const below = y0 < height - 1 ? width * 3 : 0;
    const b = (px - x0) * (1 - py + y0) * share;
    const c = (1 - px + x0) * (py - y0) * share;
    const d = (px - x0) * (py - y0) * share;
    const a = share - b - c - d;
    for (let plane = 0; plane < 3; plane++) {
      const i = (y0 * width + x0) * 3 + plane;
      const above = (data[i] as number) * a + (data[i + next] as number) * b;
      const under = (data[i + below] as number) * c + (data[i + below + next] as number) * d;
      row[at + plane] = (row[at + plane] as number) + above + under;
    }
  }
}

function clamp(value: number, max: number): number {
  return value < 0 ? 0 : value > max ? max : value;
}
