/**
 * A number in [0, 1) that is a function of (seed, position) alone: a sequence that is resumed elsewhere, or runs in
 * another batch, draws the same numbers.
 */
export function uniform(seed: number, position: number): number {
  const high = mix(seed, position * 2) >>> 5;
  const low = mix(seed, position * 2 + 1) >>> 6;
  return (high * 2 ** 26 + low) / 2 ** 53;
}

/** 32 bits of (key, counter): MurmurHash3's finaliser over both, twice, so that neighbours share no pattern. */
function mix(key: number, counter: number): number {
  return finalise(finalise(key ^ 0x9e3779b9) ^ finalise(counter + 0x85ebca6b));
}

function finalise(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
