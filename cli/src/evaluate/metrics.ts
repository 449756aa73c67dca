/** What a version answered to one line of the golden set, and what was right. */
export interface Labelled {
  expected: string;
  actual: string;
}

export interface Measured {
  expected: number;
  actual: number;
  /** Bounds of its prediction interval. */
  interval?: readonly [number, number] | undefined;
  /** What the reference model predicts. */
  reference?: number | undefined;
}

export type Metrics = Record<string, number>;

/** `accuracy`, and `macro_f1`: the mean of F1 over all labels that are expected or answered. */
export function classification(pairs: readonly Labelled[]): Metrics {
  const labels = new Set(pairs.flatMap(({ expected, actual }) => [expected, actual]));
  const f1 = [...labels].map((label) => {
    const both = pairs.filter(({ expected, actual }) => expected === label && actual === label).length;
    const either = count(pairs, 'expected', label) + count(pairs, 'actual', label);
    return (2 * both) / either;
  });
  return {
    accuracy: mean(pairs.map(({ expected, actual }) => Number(expected === actual))),
    macro_f1: mean(f1),
  };
}

function count(pairs: readonly Labelled[], side: keyof Labelled, label: string): number {
  return pairs.filter((pair) => pair[side] === label).length;
}

/**
 * `rmse`, `mae`, `r2` (where the expected numbers differ), `interval_coverage` and `rmse_to_reference` where all lines
 * have an interval or a reference: a part of them would flatter.
 */
export function regression(pairs: readonly Measured[]): Metrics {
  const rmse = rootMeanSquare(pairs.map(({ expected, actual }) => actual - expected));
  const metrics: Metrics = {
    rmse,
    mae: mean(pairs.map(({ expected, actual }) => Math.abs(actual - expected))),
  };
  const middle = mean(pairs.map(({ expected }) => expected));
  const spread = rootMeanSquare(pairs.map(({ expected }) => expected - middle));
  if (spread > 0) metrics['r2'] = 1 - (rmse / spread) ** 2;
  if (pairs.every(({ interval }) => interval !== undefined)) {
    const inside = pairs.map(({ expected, interval }) => {
      const [low, high] = interval as [number, number];
      return Number(low <= expected && expected <= high);
    });
    metrics['interval_coverage'] = mean(inside);
  }
  if (pairs.every(({ reference }) => reference !== undefined)) {
    const errors = pairs.map(({ expected, reference }) => (reference as number) - expected);
    const ofReference = rootMeanSquare(errors);
    if (ofReference > 0) metrics['rmse_to_reference'] = rmse / ofReference;
  }
  return metrics;
}

/** `exact_match`, and `cer`: edits of all texts by the characters of all expected ones. */
export function text(pairs: readonly Labelled[]): Metrics {
  const edits = pairs.reduce(
    (sum, { expected, actual }) => sum + editDistance(Array.from(expected), Array.from(actual)),
    0,
  );
  const characters = pairs.reduce((sum, { expected }) => sum + Array.from(expected).length, 0);
  return {
    exact_match: mean(pairs.map(({ expected, actual }) => Number(expected === actual))),
    cer: characters === 0 ? Number(edits > 0) : edits / characters,
  };
}

/** Levenshtein's: insertions, deletions and substitutions (Wagner, Fischer 1974), in one row of memory. */
export function editDistance(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, from] of a.entries()) {
    const next = [i + 1];
    for (const [j, to] of b.entries()) {
      const substituted = (row[j] as number) + Number(from !== to);
      next.push(Math.min(substituted, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}

/** The smallest value that at least this part of them does not exceed (nearest rank). */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => value ** 2)));
}
