import type { Point } from './geometry.ts';

/** A map of numbers, row-major. */
export interface NumberMap {
  values: Float32Array;
  width: number;
  height: number;
}

/**
 * The connected regions (over sides and corners) of values above `threshold`, each as the corners of the
 * leftmost and rightmost pixel of its rows: enough for its convex hull.
 */
export function regions({ values, width, height }: NumberMap, threshold: number): Point[][] {
  const open = new Uint8Array(width * height);
  for (let i = 0; i < open.length; i++) if ((values[i] as number) > threshold) open[i] = 1;
  const stack = new Int32Array(width * height);
  const found: Point[][] = [];
  for (let i = open.indexOf(1); i >= 0; i = open.indexOf(1, i + 1)) {
    found.push(rowCorners(fill(open, width, height, i, stack), stack, width));
  }
  return found;
}

/** Closes the region that `start` belongs to. Its pixels lie in `stack`; returns how many they are. */
function fill(open: Uint8Array, width: number, height: number, start: number, stack: Int32Array): number {
  open[start] = 0;
  stack[0] = start;
  let count = 1;
  for (let next = 0; next < count; next++) {
    const at = stack[next] as number;
    const x = at % width;
    const y = (at - x) / width;
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const neighbour = ny * width + nx;
        if (open[neighbour] !== 1) continue;
        open[neighbour] = 0;
        stack[count++] = neighbour;
      }
    }
  }
  return count;
}

function rowCorners(count: number, pixels: Int32Array, width: number): Point[] {
  const rows = new Map<number, { min: number; max: number }>();
  for (let i = 0; i < count; i++) {
    const at = pixels[i] as number;
    const x = at % width;
    const y = (at - x) / width;
    const row = rows.get(y);
    if (!row) rows.set(y, { min: x, max: x });
    else if (x < row.min) row.min = x;
    else if (x > row.max) row.max = x;
  }
  return [...rows].flatMap(([y, { min, max }]) => [
    { x: min, y },
    { x: max + 1, y },
    { x: min, y: y + 1 },
    { x: max + 1, y: y + 1 },
  ]);
}
