import type { DriftReference, FeatureReference } from '@frontier/contracts/drift';
import { binOf, jensenShannon, kolmogorovSmirnov, populationStability, stabilityNoise } from './drift.ts';

export interface DriftPolicy {
  /** A window is at least this long and has at least so many values; only then is it judged. */
  windowMs: number;
  minSamples: number;
}

/** Drifted: at least this far away, and farther than chance takes it. Calm: under half of both. */
const FAR = { psi: 0.2, distance: 0.15 };
const ALPHA = 1e-6;
/** Windows in a row that raise an alarm, and that end it. */
const IN_A_ROW = 2;

/** A window of one feature. */
export interface DriftVerdict {
  feature: string;
  samples: number;
  psi: number;
  distance: number;
  p: number;
  jensenShannon: number;
  drifted: boolean;
  /** The last two windows had drifted, and there have been no two calm ones since. */
  alarm: boolean;
}

interface Watched {
  reference: FeatureReference;
  counts: number[];
  samples: number;
  openedAt: number;
  /** Windows in a row: drifted above 0, calm below 0. */
  streak: number;
  alarm: boolean;
}

/**
 * Compares what a version sees and says with its reference, window by window, each feature for itself. Its memory is
 * the reference's bins once more. A window is judged when the next value comes after its end.
 */
export class DriftMonitor {
  readonly #policy: DriftPolicy;
  readonly #features: Map<string, Watched>;

  constructor(reference: DriftReference, policy: DriftPolicy) {
    this.#policy = policy;
    const features = Object.entries(reference.features);
    this.#features = new Map(features.map(([name, reference]) => [name, watched(reference)]));
  }

  /** The values of one call at a time in ms; those that the reference does not have are passed over. */
  add(at: number, values: Readonly<Record<string, number>>): DriftVerdict[] {
    const verdicts: DriftVerdict[] = [];
    for (const [name, value] of Object.entries(values)) {
      const feature = this.#features.get(name);
      if (!feature) continue;
      if (feature.samples === 0) feature.openedAt = at;
      else if (at - feature.openedAt >= this.#policy.windowMs && feature.samples >= this.#policy.minSamples) {
        verdicts.push(judge(name, feature));
        feature.counts.fill(0);
        feature.samples = 0;
        feature.openedAt = at;
      }
      feature.counts[binOf(feature.reference.edges, value)]! += 1;
      feature.samples += 1;
    }
    return verdicts;
  }
}

function watched(reference: FeatureReference): Watched {
  const counts = reference.counts.map(() => 0);
  return { reference, counts, samples: 0, openedAt: 0, streak: 0, alarm: false };
}

function judge(name: string, feature: Watched): DriftVerdict {
  const { reference, counts, samples } = feature;
  const psi = populationStability(reference.counts, counts);
  const { distance, p } = kolmogorovSmirnov(reference.counts, counts);
  const noise = stabilityNoise(reference.counts, counts);
  const drifted = psi >= Math.max(FAR.psi, noise) || (distance >= FAR.distance && p < ALPHA);
  const calm = psi < Math.max(FAR.psi / 2, noise) && distance < FAR.distance / 2;
  if (drifted) feature.streak = Math.max(feature.streak, 0) + 1;
  else feature.streak = calm ? Math.min(feature.streak, 0) - 1 : 0;
  if (feature.streak >= IN_A_ROW) feature.alarm = true;
  if (feature.streak <= -IN_A_ROW) feature.alarm = false;
  return { feature: name, samples, psi, distance, p, jensenShannon: jensenShannon(reference.counts, counts), drifted, alarm: feature.alarm }; // prettier-ignore
}
