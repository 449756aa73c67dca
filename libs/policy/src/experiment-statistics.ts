/** An estimate and the variance of it. */
export interface Estimate {
  estimate: number;
  variance: number;
}

interface Mean {
  value: number;
  variance: number;
}

/**
 * Mean of all requests of an arm, and its variance between groups by the delta method: a ratio of two sums over
 * groups that are independent of each other, however much alike the requests inside one are (A. Deng et al., "Applying
 * the delta method in metric analytics", 2018). Undefined before there are requests in two groups.
 */
export function meanOf({
  requests,
  sums,
}: {
  requests: readonly number[];
  sums: readonly number[];
}): Mean | undefined {
  // prettier-ignore
  const n = requests.reduce((sum, count) => sum + count, 0);
  const groups = requests.filter((count) => count > 0).length;
  if (groups < 2) return undefined;
  const value = sums.reduce((sum, x) => sum + x, 0) / n;
  const squares = requests.reduce((sum, count, i) => sum + ((sums[i] as number) - value * count) ** 2, 0);
  return { value, variance: (squares / n ** 2) * (groups / (groups - 1)) };
}

/** In units, of which a counted value has `perUnit`. Undefined while there is no spread at all to judge by. */
export function differenceOf(base: Mean, other: Mean, perUnit: number): Estimate | undefined {
  const variance = (base.variance + other.variance) / perUnit ** 2;
  return variance > 0 ? { estimate: (other.value - base.value) / perUnit, variance } : undefined;
}

/** How far `other` is from `ratio` times the requests of `base`, as a part of it. */
export function ratioDifference(
  base: readonly number[],
  other: readonly number[],
  ratio: number,
): Estimate | undefined {
  // prettier-ignore
  const groups = base.length;
  const expected = (ratio * base.reduce((sum, n) => sum + n, 0)) / groups;
  if (expected === 0) return undefined;
  const apart = other.map((n, i) => (n - ratio * (base[i] as number)) / expected);
  const estimate = apart.reduce((sum, x) => sum + x, 0) / groups;
  const squares = apart.reduce((sum, x) => sum + (x - estimate) ** 2, 0);
  return squares > 0 ? { estimate, variance: squares / (groups - 1) / groups } : undefined;
}

/**
 * Likelihood ratio of "the difference is of the order of `effect`" (normal around 0 with that deviation) to "there is
 * none": under the latter it is at least 1 / alpha at any time with probability alpha at most.
 */
export function evidenceOf({ estimate, variance }: Estimate, effect: number): number {
  const both = variance + effect ** 2;
  return Math.sqrt(variance / both) * Math.exp((effect ** 2 * estimate ** 2) / (2 * variance * both));
}

/** The differences that {@link evidenceOf} would not reject: a confidence sequence. */
export function intervalOf(
  { estimate, variance }: Estimate,
  effect: number,
  alpha: number,
): [low: number, high: number] {
  // prettier-ignore
  const both = variance + effect ** 2;
  const half = Math.sqrt(
    ((2 * variance * both) / effect ** 2) * Math.log(Math.sqrt(both / variance) / alpha),
  );
  return [estimate - half, estimate + half];
}
