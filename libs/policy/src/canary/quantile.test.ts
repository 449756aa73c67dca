import fc from 'fast-check';
import { above, quantile, tailBounds } from './quantile.ts';

const bounds = [0.1, 0.2, 0.4];

describe('quantile', () => {
  it('lies on a straight line inside its bucket', () => {
    expect(quantile(bounds, [50, 90, 100, 100], 0.95)).toEqual({ value: expect.closeTo(0.3), lower: 0.2, upper: 0.4 }); // prettier-ignore
    expect(quantile(bounds, [100, 100, 100, 100], 0.95)).toMatchObject({ value: expect.closeTo(0.095), lower: 0 }); // prettier-ignore
  });

  it('is the last bound where more is not known, and 0 of nothing', () => {
    expect(quantile(bounds, [0, 0, 0, 10], 0.95)).toEqual({ value: 0.4, lower: 0.4, upper: Infinity });
    expect(quantile(bounds, [0, 0, 0, 0], 0.95).value).toBe(0);
    expect(quantile([], [], 0.95).value).toBe(0);
  });

  it('never leaves its bucket, also with weighted counts', () => {
    const counts = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(counts, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (counts, q) => {
        let sum = 0;
        const cumulative = counts.map((n) => (sum += n));
        const { value, lower, upper } = quantile(bounds, cumulative, q);
        expect(value).toBeGreaterThanOrEqual(lower);
        expect(value).toBeLessThanOrEqual(upper);
      }),
    );
  });
});

describe('tailBounds', () => {
  it('are those that 1 to 25 % exceed', () => {
    expect(tailBounds([500, 750, 900, 989, 995, 1_000], 10)).toEqual([1, 2, 3]);
    expect(above([500, 750, 1_000], 1)).toBe(250);
  });

  it('are no more than asked for, from the first to the last', () => {
    const cumulative = Array.from({ length: 25 }, (_, i) => 750 + i * 10).concat(1_000);
    const tails = tailBounds(cumulative, 5);
    expect(tails).toHaveLength(5);
    expect([tails[0], tails.at(-1)]).toEqual([0, 24]);
  });

  it('are none where nothing was counted', () => {
    expect(tailBounds([0, 0, 0], 10)).toEqual([]);
  });
});
