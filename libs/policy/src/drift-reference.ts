import { MAX_FEATURES, type DriftReference, type FeatureReference } from '@frontier/contracts/drift';
import { binOf } from './drift.ts';

/** Values that are kept of each feature: a quantile of them is within 1 % of the true rank. */
const KEPT = 10_000;
/** Bins of about as many values each. */
const BINS = 16;

/**
 * Makes the reference of a version from values that pass once, in memory that does not grow: a uniform sample of each
 * feature (J. S. Vitter, "Random sampling with a reservoir", algorithm R, 1985). `random`: from 0 up to 1.
 */
export class ReferenceBuilder {
  readonly #random: () => number;
  readonly #features = new Map<string, { seen: number; kept: number[] }>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The values of one call by feature; features beyond the limit and what is no number are left out. */
  add(values: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(values)) {
      if (!Number.isFinite(value)) continue;
      const feature = this.#of(name);
      if (!feature) continue;
      feature.seen += 1;
      const place = feature.seen <= KEPT ? feature.seen - 1 : Math.floor(this.#random() * feature.seen);
      if (place < KEPT) feature.kept[place] = value;
    }
  }

  /** Features that had but one value all the time cannot be compared and are left out. */
  build(): DriftReference {
    const entries = [...this.#features].flatMap(([name, { kept }]) => {
      const histogram = quantileBins(kept, BINS);
      return histogram ? [[name, histogram] as const] : [];
    });
    return { schema: 1, features: Object.fromEntries(entries) };
  }

  #of(name: string): { seen: number; kept: number[] } | undefined {
    const known = this.#features.get(name);
    if (known || this.#features.size >= MAX_FEATURES) return known;
    const feature = { seen: 0, kept: [] };
    this.#features.set(name, feature);
    return feature;
  }
}

/**
 * Bins of equal weight, as far as ties allow; a bin for each value where there are few, such as classes. Undefined when
 * all values are the same.
 */
export function quantileBins(values: readonly number[], bins: number): FeatureReference | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const distinct = [...new Set(sorted)];
  const last = distinct.at(-1);
  const cuts =
    distinct.length <= bins
      ? distinct
      : Array.from({ length: bins - 1 }, (_, i) => sorted[Math.ceil(((i + 1) / bins) * sorted.length) - 1] as number); // prettier-ignore
  const edges = [...new Set(cuts)].filter((edge) => edge !== last);
  if (edges.length === 0) return undefined;
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of sorted) counts[binOf(edges, value)]! += 1;
  return { edges, counts };
}
