/** A quantile of a histogram, and the bucket that it lies in. Unit of the bounds. */
export interface Quantile {
  value: number;
  lower: number;
  upper: number;
}

/** `cumulative`: one count for each bound and the total. Straight line inside a bucket; 0 if there is nothing. */
export function quantile(bounds: readonly number[], cumulative: readonly number[], q: number): Quantile {
  const total = cumulative.at(-1) ?? 0;
  const rank = q * total;
  const i = cumulative.findIndex((count) => count >= rank);
  if (total <= 0 || i < 0) return { value: 0, lower: 0, upper: 0 };
  const lower = bounds[i - 1] ?? 0;
  const upper = bounds[i] ?? Infinity;
  // Above the last bound nothing more is known than that.
  if (upper === Infinity) return { value: lower, lower, upper };
  const below = cumulative[i - 1] ?? 0;
  const inside = (cumulative[i] as number) - below;
  return { value: lower + (inside > 0 ? (rank - below) / inside : 1) * (upper - lower), lower, upper };
}

/** Observations above bound `i`. */
export function above(cumulative: readonly number[], i: number): number {
  return (cumulative.at(-1) ?? 0) - (cumulative[i] ?? 0);
}

/** Parts of the observations that a tail bound is exceeded by. */
export const LEAST_TAIL = 0.01;
export const MOST_TAIL = 0.25;

/** The bounds that are exceeded by such a part: at most `most`, evenly chosen. */
export function tailBounds(cumulative: readonly number[], most: number): number[] {
  const total = cumulative.at(-1) ?? 0;
  const mass = (i: number) => above(cumulative, i) / total;
  const tails = cumulative.map((_, i) => i).filter((i) => mass(i) >= LEAST_TAIL && mass(i) <= MOST_TAIL);
  if (tails.length <= most) return tails;
  return Array.from({ length: most }, (_, i) => tails[Math.round((i * (tails.length - 1)) / (most - 1))] as number); // prettier-ignore
}
