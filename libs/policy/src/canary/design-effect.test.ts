import { binomial, poisson, seededRandom } from '../random.ts';
import {
  addHalves,
  addPair,
  designEffect,
  halvesEffect,
  noDispersion,
  noImbalance,
} from './design-effect.ts';

/** Pairs of scrapes with 200 requests each, whose rate of errors wanders slowly from pair to pair. */
function measured(size: number, seed: number): number {
  const random = seededRandom(seed);
  let dispersion = noDispersion();
  for (let i = 0; i < 400; i += 1) {
    const mean = 2 + Math.sin(i / 40);
    const scrape = () => ({ n: 200, events: [size * poisson(random, mean / size)] });
    dispersion = addPair(dispersion, scrape(), scrape());
  }
  return designEffect(dispersion);
}

describe('the design effect', () => {
  it('is about one for independent events, although their rate changes', () => {
    expect(measured(1, 3)).toBeLessThan(1.25);
  });

  it.each([4, 8])('is about the size of batches: %d', (size) => {
    expect(measured(size, 5)).toBeGreaterThan(size * 0.75);
    expect(measured(size, 5)).toBeLessThan(size * 1.25);
  });

  it('is as large as the first batch of errors, at once', () => {
    const none = { n: 50, events: [0] };
    expect(designEffect(addPair(noDispersion(), none, { n: 50, events: [8] }))).toBe(8);
  });

  it('is that of a batch as long as nothing is known, and soon forgets it', () => {
    expect(designEffect(noDispersion())).toBe(8);
    expect(designEffect(addPair(noDispersion(), { n: 0, events: [0] }, { n: 5, events: [3] }))).toBe(8);
    let dispersion = noDispersion();
    for (let i = 0; i < 20; i += 1)
      dispersion = addPair(dispersion, { n: 50, events: [1] }, { n: 50, events: [0] });
    expect(designEffect(dispersion)).toBeLessThan(1.5);
  });
});

describe('the halves effect', () => {
  const of = (rates: { a: number; b: number }, seed: number) => {
    const random = seededRandom(seed);
    let side = noImbalance();
    for (let i = 0; i < 100; i += 1)
      side = addHalves(side, { a: 200, b: 100 }, { a: binomial(random, 200, rates.a), b: binomial(random, 100, rates.b) }); // prettier-ignore
    return side;
  };
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);

  it('is about one where the halves are alike, and grows where they are not', () => {
    const seeds = Array.from({ length: 200 }, (_, i) => i);
    const alike = seeds.map((seed) => halvesEffect([of({ a: 0.05, b: 0.05 }, seed), of({ a: 0.05, b: 0.05 }, 999 - seed)])); // prettier-ignore
    expect(mean(alike)).toBeLessThan(1.5);
    expect(halvesEffect([of({ a: 0.05, b: 0.07 }, 1), of({ a: 0.05, b: 0.05 }, 2)])).toBeGreaterThan(3);
  });

  it('is one where nothing is known', () => {
    expect(halvesEffect([noImbalance(), noImbalance()])).toBe(1);
    expect(addHalves(noImbalance(), { a: 0, b: 3 }, { a: 0, b: 1 })).toEqual(noImbalance());
  });
});
