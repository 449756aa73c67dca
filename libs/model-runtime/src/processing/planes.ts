/**
 * How a byte of an image becomes a number of a graph: one table of 256 for each plane. The planes are in the order
 * blue, green, red, in which the PP-OCR graphs were trained; images here are interleaved red, green, blue.
 */
export type PlaneTables = readonly [Float32Array, Float32Array, Float32Array];

/** Plane c gets (byte / 255 - mean[c]) / std[c]. */
export function planeTables(mean: readonly number[], std: readonly number[]): PlaneTables {
  const table = (c: number): Float32Array =>
    Float32Array.from({ length: 256 }, (_, byte) => (byte / 255 - (mean[c] ?? 0)) / (std[c] ?? 1));
  return [table(0), table(1), table(2)];
}

/**
 * Writes `pixels` interleaved RGB pixels of `rgb`, from byte `from` on, as three planes into `out`, from number
 * `to` on. Runs for every pixel of every image: no allocation, no calls.
 */
export function writePlanes(
  rgb: Uint8Array,
  from: number,
  pixels: number,
  [blue, green, red]: PlaneTables,
  out: Float32Array,
  to: number,
): void {
  const second = to + pixels;
  const third = second + pixels;
  let at = from;
  for (let i = 0; i < pixels; i++, at += 3) {
    out[third + i] = red[rgb[at] as number] as number;
    out[second + i] = green[rgb[at + 1] as number] as number;
    out[to + i] = blue[rgb[at + 2] as number] as number;
  }
}
