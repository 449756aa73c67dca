/**
 * How far two histograms of the same bins are apart: what is known of a window's values against a reference. All of
 * them take counts, so neither needs the values themselves.
 */

/** Added to each bin, so that an empty one does not make a quotient infinite (Jeffreys' prior). */
const PRIOR = 0.5;

function parts(counts: readonly number[]): number[] {
  const all = total(counts) + PRIOR * counts.length;
  return counts.map((n) => (n + PRIOR) / all);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, n) => sum + n, 0);
}

/** The bin of a value: the first whose upper bound is not below it. What is no number is in the last one. */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (edges[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Population stability index: the symmetric Kullback-Leibler divergence, in nats. By custom 0.1 is some, 0.2 much. */
export function populationStability(reference: readonly number[], window: readonly number[]): number {
  const p = parts(reference);
  const q = parts(window);
  return p.reduce((sum, pi, i) => sum + ((q[i] as number) - pi) * Math.log((q[i] as number) / pi), 0);
}

/** Jensen-Shannon divergence in bits, from 0 (the same) to 1 (nothing in common). */
export function jensenShannon(reference: readonly number[], window: readonly number[]): number {
  const p = parts(reference);
  const q = parts(window);
  return p.reduce((sum, pi, i) => {
    const qi = q[i] as number;
    const middle = (pi + qi) / 2;
    return sum + (pi * Math.log2(pi / middle) + qi * Math.log2(qi / middle)) / 2;
  }, 0);
}

/** Standard normal quantile of 1 - 1e-6. */
const Z = 4.753424;

/**
 * The index that windows of the reference's own distribution exceed once in a million: it is about
 * (1/n + 1/m) chi-squared with bins - 1 degrees of freedom (B. Yurdakul, "Statistical properties of the population
 * stability index", 2018), whose quantile is that of Wilson and Hilferty. A small window has a large index by itself.
 */
export function stabilityNoise(reference: readonly number[], window: readonly number[]): number {
  const freedom = reference.length - 1;
  const quantile = freedom * (1 - 2 / (9 * freedom) + Z * Math.sqrt(2 / (9 * freedom))) ** 3;
  return (1 / total(reference) + 1 / total(window)) * quantile;
}

export interface KolmogorovSmirnov {
  /** Greatest difference of the two distribution functions, at the bounds of the bins. */
  distance: number;
  /** Probability of that distance or more when both are of one distribution; too large rather than too small. */
  p: number;
}

/**
 * The two-sample test of Kolmogorov and Smirnov on counts, with the correction for small samples of M. A. Stephens
 * (1970). Inside a bin a greater distance may hide, so p errs on the safe side.
 */
export function kolmogorovSmirnov(
  reference: readonly number[],
  window: readonly number[],
): KolmogorovSmirnov {
  const n = total(reference);
  const m = total(window);
  let f = 0;
  let g = 0;
  let distance = 0;
  reference.forEach((count, i) => {
    f += count / n;
    g += (window[i] as number) / m;
    distance = Math.max(distance, Math.abs(f - g));
  });
  const root = Math.sqrt((n * m) / (n + m));
  return { distance, p: kolmogorovTail((root + 0.12 + 0.11 / root) * distance) };
}

/** P(K > x) of the Kolmogorov distribution. Its series converges badly near 0, where the answer is 1. */
function kolmogorovTail(x: number): number {
  if (x < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 20; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return Math.min(Math.max(sum, 0), 1);
}
