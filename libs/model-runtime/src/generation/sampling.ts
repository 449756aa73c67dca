import type { Sampling } from '../protocol.ts';

type Choice = Pick<Sampling, 'temperature' | 'topK' | 'topP'>;

/**
 * Chooses a token. `u` is uniform in [0, 1). At temperature 0 the first of the likeliest, whatever `u`; else the
 * draw from the softmax over what top-k and top-p leave. A pure function: equal arguments give equal tokens.
 */
export function sampleToken(logits: Float32Array, { temperature, topK, topP }: Choice, u: number): number {
  const best = indexOfMax(logits);
  if (temperature === 0) return best;
  const max = logits[best] as number;
  // Probabilities but for a common factor.
  const weights = new Float64Array(logits.length);
  for (let i = 0; i < weights.length; i++) weights[i] = Math.exp(((logits[i] as number) - max) / temperature);
  const least = leastKept(weights, topK, topP);
  let total = 0;
  for (const weight of weights) if (weight >= least) total += weight;
  let left = u * total;
  for (let token = 0; token < weights.length; token++) {
    const weight = weights[token] as number;
    if (weight < least) continue;
    left -= weight;
    if (left < 0) return token;
  }
  return best;
}

function indexOfMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** The least weight that stays; those equal to it stay, too. Top-k comes first, top-p is of what it leaves. */
function leastKept(weights: Float64Array, topK: number, topP: number): number {
  const limited = topK > 0 && topK < weights.length;
  if (!limited && topP >= 1) return 0;
  const descending = weights.slice().sort().reverse();
  const kept = limited ? descending.subarray(0, topK) : descending;
  if (topP >= 1) return kept.at(-1) ?? 0;
  let left = topP * kept.reduce((sum, weight) => sum + weight, 0);
  for (const weight of kept) {
    left -= weight;
    if (left <= 0) return weight;
  }
  return kept.at(-1) ?? 0;
}
