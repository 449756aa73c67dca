/** A seeded generator of numbers in [0, 1) (mulberry32): the same seed gives the same load and the same inputs. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A waiting time of a Poisson process with this mean. */
export function exponential(next, mean) {
  return -Math.log(1 - next()) * mean;
}
