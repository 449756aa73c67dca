import { uniform } from './random.ts';

test('is a function of seed and position', () => {
  expect(uniform(7, 3)).toBe(uniform(7, 3));
  expect(uniform(7, 3)).not.toBe(uniform(7, 4));
  expect(uniform(7, 3)).not.toBe(uniform(8, 3));
});

test.each([
  ['positions of one seed', (i: number) => uniform(1, i)],
  ['seeds at one position', (i: number) => uniform(i, 0)],
  ['both together', (i: number) => uniform(i, i)],
])('is uniform over %s', (_, draw) => {
  const n = 50_000;
  const bins = new Array<number>(20).fill(0);
  for (let i = 0; i < n; i++) {
    const bin = Math.floor(draw(i) * bins.length);
    bins[bin] = (bins[bin] ?? NaN) + 1;
  }
  const expected = n / bins.length;
  const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 19 degrees of freedom: 43.8 is passed once in a thousand; the draws are fixed, so this does not flicker.
  expect(chiSquare).toBeLessThan(43.8);
});

test('neighbouring positions are not correlated', () => {
  const n = 50_000;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (uniform(3, i) - 0.5) * (uniform(3, i + 1) - 0.5);
  expect(Math.abs((sum / n) * 12)).toBeLessThan(0.02);
});
