/**
 * Sequential tests whose error probability holds at every look: likelihood ratios, averaged over alternatives.
 * After Lindon, Malek, "Anytime-valid inference for multinomial count data" (2022) and Howard, Ramdas (2022).
 *
 * A test is its log likelihood ratios, one number an alternative, which only ever grow by addition. Its e-value is the
 * mean of their exponentials: under the null hypothesis it exceeds 1/α at any time with probability α at most.
 */
export type LogRatios = readonly number[];

// Taken out of the loops: in a VM context, as tests have, each look-up of a global costs more than the function.
const { exp, log, min } = Math;

/** exp of more would not be a number that JSON knows. */
const MOST = 700;
/** Alternatives of a one-sided test. */
const POINTS = 16;

/** A null hypothesis about a number, and what is thought possible instead. */
export interface Hypothesis {
  readonly none: number;
  readonly others: readonly number[];
}

/** From `from` to `to` times `none` in equal ratios. */
function spread(none: number, from: number, to: number, points: number): number[] {
  return Array.from({ length: points }, (_, i) => none * from * (to / from) ** (i / (points - 1)));
}

/** The ratio of rates is at most `none`. */
export const atMost = (none: number): Hypothesis => ({ none, others: spread(none, 1.05, 8, POINTS) });

/** The ratio of rates is at least `none`; the others are near 1, since a good canary is as good as control. */
export const atLeast = (none: number): Hypothesis => ({ none, others: spread(none, 1 / 1.1, 1 / 2.5, 8) });

/** Both rates are the same. */
export const equal: Hypothesis = { none: 1, others: [...spread(1, 1.1, 4, 8), ...spread(1, 1 / 1.1, 1 / 4, 8)] }; // prettier-ignore

/** A probability is at most `none`. */
export function probabilityAtMost(none: number): Hypothesis {
  const odds = spread(none / (1 - none), 1.1, 30, POINTS);
  return { none, others: odds.map((o) => o / (1 + o)) };
}

/** A probability is at least `none`. */
export const probabilityAtLeast = (none: number): Hypothesis => ({ none, others: spread(none, 1 / 1.1, 1 / 10, 8) }); // prettier-ignore

export const newTest = ({ others }: Hypothesis): number[] => others.map(() => 0);

/**
 * Compares two sides that had `n` requests each: given how many events they had together, those of the canary are
 * Binomial(k, r·n.canary / (r·n.canary + n.control)), whatever the load or an incident did to both. Several kinds of
 * event of the same requests share the terms that this returns.
 */
export function comparison({ none, others }: Hypothesis, n: { canary: number; control: number }) {
  const gains = others.map((r) => log(r / none));
  const costs = others.map((r) => log((r * n.canary + n.control) / (none * n.canary + n.control)));
  /** Adds events of the canary and of control. */
  return (test: LogRatios, canary: number, control: number): number[] => {
    const k = canary + control;
    if (k === 0) return [...test];
    return test.map((sum, i) => sum + canary * (gains[i] as number) - k * (costs[i] as number));
  };
}

/** Adds `events` of `n` requests to a test of a probability. */
export function addTrials(
  { none, others }: Hypothesis,
  test: LogRatios,
  n: number,
  events: number,
): number[] {
  // prettier-ignore
  return test.map((sum, i) => {
    const p = others[i] as number;
    return sum + events * log(p / none) + (n - events) * log((1 - p) / (1 - none));
  });
}

/**
 * The e-value, tempered to the power 1 / `designEffect`. Because that is at least 1, a tempered value exceeds the
 * untempered one by 1 at most: whatever it was estimated from, independent events keep their guarantee.
 */
export function evidence(test: LogRatios, designEffect = 1): number {
  let sum = 0;
  for (const logRatio of test) sum += exp(min(logRatio / designEffect, MOST));
  return sum / test.length;
}

/** The mean of e-values is one; of none: 1. */
export function meanEvidence(values: readonly number[]): number {
  return values.length === 0 ? 1 : values.reduce((sum, e) => sum + e / values.length, 0);
}
