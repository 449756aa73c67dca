import { binOf, jensenShannon, kolmogorovSmirnov, populationStability, stabilityNoise } from './drift.ts';
import { Seeded } from './testing/seeded.ts';

/* With half a value more in each bin, 49 and 49 are one half each; 74 and 24 are 74.5 and 24.5 of 99. */
const even = [49, 49];
const skewed = [74, 24];

test('population stability index: (q - p) ln(q / p), added up', () => {
  // 25 / 99 x ln(74.5 / 24.5)
  expect(populationStability(even, skewed)).toBeCloseTo(0.28084, 5);
  expect(populationStability(skewed, even)).toBeCloseTo(0.28084, 5);
  expect(populationStability(even, even)).toBe(0);
  expect(populationStability([100, 0], [0, 100])).toBeGreaterThan(5);
});

test('Jensen-Shannon divergence: entropy of the middle less the mean entropy', () => {
  // H(0.62626) - (1 + H(0.75253)) / 2 = 0.95350 - 0.90363
  expect(jensenShannon(even, skewed)).toBeCloseTo(0.0499, 4);
  expect(jensenShannon(even, even)).toBe(0);
  expect(jensenShannon([1e9, 0], [0, 1e9])).toBeCloseTo(1, 6);
});

test('Kolmogorov-Smirnov: the greatest difference of the sums, and its probability', () => {
  // Sums 10, 30, 60 against 40, 70, 90 of 100; (sqrt(50) + 0.12 + 0.11 / sqrt(50)) x 0.4 = 2.8827; 2 exp(-2 x 2.8827^2)
  const far = kolmogorovSmirnov([10, 20, 30, 40], [40, 30, 20, 10]);
  expect(far.distance).toBeCloseTo(0.4, 10);
  expect(far.p / 1.21e-7).toBeCloseTo(1, 1);
  // n = m = 200: (10 + 0.12 + 0.011) x 0.135 = 1.36769; 2 (exp(-2 x^2) - exp(-8 x^2)) = 0.04745: as in the tables (1.358: 0.05)
  expect(kolmogorovSmirnov([100, 100], [73, 127]).p).toBeCloseTo(0.04745, 4);
  expect(kolmogorovSmirnov([5, 5], [500, 500])).toEqual({ distance: 0, p: 1 });
});

test('the same distance says more in a larger window', () => {
  const small = kolmogorovSmirnov([5000, 5000], [8, 2]);
  const large = kolmogorovSmirnov([5000, 5000], [800, 200]);
  expect(large.distance).toBe(small.distance);
  expect(small.p).toBeGreaterThan(0.05);
  expect(large.p).toBeLessThan(1e-12);
});

test('a bin ends with its bound; what is no number is in the last one', () => {
  const edges = [0, 1, 5];
  expect([-3, 0, 0.5, 1, 5, 5.1, Infinity, NaN].map((value) => binOf(edges, value))).toEqual([0, 0, 1, 1, 2, 3, 3, 3]); // prettier-ignore
});

test('windows of the same distribution have the index that chance gives them, and do not pass the noise', () => {
  const random = new Seeded(1);
  const bins = 16;
  const draw = (n: number) => {
    const counts = Array.from({ length: bins }, () => 0);
    for (let i = 0; i < n; i += 1) counts[Math.floor(random.next() * bins)]! += 1;
    return counts;
  };
  let sum = 0;
  let passed = 0;
  for (let run = 0; run < 2000; run += 1) {
    const reference = draw(2000);
    const window = draw(500);
    const psi = populationStability(reference, window);
    sum += psi;
    if (psi > stabilityNoise(reference, window)) passed += 1;
  }
  // 15 x (1 / 2000 + 1 / 500)
  expect(sum / 2000 / 0.0375).toBeCloseTo(1, 1);
  expect(passed).toBe(0);
});
