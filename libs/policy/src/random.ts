// Taken out of the loops: in a VM context, as tests have, each look-up of a global costs more than the function.
const { ceil, cos, exp, imul, log, max, PI, round, sqrt } = Math;

/** Uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * A seeded generator for simulations: xoshiro128** by Blackman and Vigna ("Scrambled linear pseudorandom number
 * generators", 2021), seeded by splitmix32. 32 bits a number.
 */
export function seededRandom(seed: number): Random {
  let [a, b, c, d] = [1, 2, 3, 4].map((i) => mix(seed + imul(i, 0x9e3779b9))) as [number, number, number, number]; // prettier-ignore
  return () => {
    const result = imul(rotate(imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result / 2 ** 32;
  };
}

const rotate = (x: number, by: number) => (x << by) | (x >>> (32 - by));

function mix(x: number): number {
  let z = x | 0;
  z = imul(z ^ (z >>> 16), 0x21f0aaad);
  z = imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** Standard normal numbers (Box, Muller). */
export function normal(random: Random): number {
  return sqrt(-2 * log(1 - random())) * cos(2 * PI * random());
}

/** A Poisson number; for large means a rounded normal one. */
export function poisson(random: Random, mean: number): number {
  if (mean > 60) return max(0, round(mean + sqrt(mean) * normal(random)));
  const least = exp(-mean);
  let n = 0;
  for (let product = random(); product > least; product *= random()) n += 1;
  return n;
}

/** How many of `n` tries succeed, by the gaps between successes: fast where these are rare. */
export function binomial(random: Random, n: number, p: number): number {
  const scale = log(1 - p);
  let successes = 0;
  for (let i = ceil(log(1 - random()) / scale); i <= n; i += max(1, ceil(log(1 - random()) / scale))) successes += 1; // prettier-ignore
  return successes;
}
