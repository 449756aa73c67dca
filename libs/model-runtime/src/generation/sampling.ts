import type { Sampling } from '../protocol.ts';

type Choice = Pick<Sampling, 'temperature' | 'topK' | 'topP'>;

/**
 * Chooses a token. `u` is uniform in [0, 1). At temperature 0 the first of the likeliest, whatever `u`; else the
 * draw from the softmax over what top-k and top-p leave. A pure function: equal arguments give equal tokens.
 */
export function sampleToken(logits: Float32Array, { temperature, topK, topP }: Choice, u: number): number {
  const best = indexOfMax(logits);
  if (temperature === 0) return best;
  const max = logits[best] ?? 0;
  const weight = (logit: number): number => Math.exp((logit - max) / temperature);
  const floor = lowestKept(logits, topK, topP, weight);
  let total = 0;
  for (const logit of logits) if (logit >= floor) total += weight(logit);
  let left = u * total;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] as number;
    if (logit < floor) continue;
    left -= weight(logit);
    if (left < 0) return token;
  }
  return best;
}

function indexOfMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** The least logit that stays; those equal to it stay, too. Top-k comes first, top-p is of what it leaves. */
function lowestKept(
  logits: Float32Array,
  topK: number,
  topP: number,
  weight: (logit: number) => number,
): number {
  const limited = topK > 0 && topK < logits.length;
  if (!limited && topP >= 1) return -Infinity;
  const descending = logits.slice().sort().reverse();
  const kept = limited ? descending.subarray(0, topK) : descending;
  if (topP >= 1) return kept.at(-1) ?? -Infinity;
  let total = 0;
  for (const logit of kept) total += weight(logit);
  let sum = 0;
  for (const logit of kept) {
    sum += weight(logit);
    if (sum >= topP * total) return logit;
  }
  return kept.at(-1) ?? -Infinity;
}
