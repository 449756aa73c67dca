import { binomial, normal, poisson, seededRandom } from './random.ts';

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
const draws = (draw: () => number) => Array.from({ length: 20_000 }, draw);

describe('seededRandom', () => {
  it('is the same for the same seed, and another one for another', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => seededRandom(seed)).map((random) => Array.from({ length: 50 }, random)); // prettier-ignore
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
    expect(a?.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('is even', () => {
    const random = seededRandom(4);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 20_000; i += 1) counts[Math.floor(random() * 10)]! += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 2_000) ** 2 / 2_000, 0);
    expect(chiSquare).toBeLessThan(28);
  });
});

it.each([0.3, 7, 200])('poisson has the mean and the variance %d', (expected) => {
  const random = seededRandom(5);
  const values = draws(() => poisson(random, expected));
  expect(Math.abs(mean(values) / expected - 1)).toBeLessThan(0.05);
  expect(Math.abs(mean(values.map((n) => (n - expected) ** 2)) / expected - 1)).toBeLessThan(0.05);
});

it('normal has the mean 0 and the variance 1', () => {
  const random = seededRandom(6);
  const values = draws(() => normal(random));
  expect(Math.abs(mean(values))).toBeLessThan(0.03);
  expect(Math.abs(mean(values.map((z) => z * z)) - 1)).toBeLessThan(0.05);
});

it.each([0.005, 0.2, 0.9])('binomial has the mean and the variance of a probability of %d', (p) => {
  const random = seededRandom(7);
  const values = draws(() => binomial(random, 50, p));
  expect(Math.abs(mean(values) / (50 * p) - 1)).toBeLessThan(0.05);
  expect(Math.abs(mean(values.map((n) => (n - 50 * p) ** 2)) / (50 * p * (1 - p)) - 1)).toBeLessThan(0.06);
});
