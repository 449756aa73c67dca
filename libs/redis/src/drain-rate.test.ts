import { DrainRate } from './drain-rate.ts';

describe('DrainRate', () => {
  it('tells a refused caller when there will be room, by what was really measured', () => {
    const rate = new DrainRate();
    rate.observe(0, 100);
    rate.observe(2_000, 300);
    expect(rate.perSecond()).toBe(100);
    expect(rate.retryAfterS(1_000, 0)).toBe(10);
    expect(rate.retryAfterS(1_000, 1)).toBe(15);
  });

  it('stays within 1 to 90 seconds, and has a guess before anything was measured', () => {
    const rate = new DrainRate();
    expect(rate.retryAfterS(1, 0)).toBe(5);
    rate.observe(0, 0);
    rate.observe(10_000, 1);
    expect(rate.retryAfterS(100_000, 1)).toBe(90);
    expect(rate.retryAfterS(0, 0)).toBe(1);
  });

  it('begins anew when the counter was reset', () => {
    const rate = new DrainRate();
    rate.observe(0, 1_000);
    rate.observe(1_000, 5);
    expect(rate.perSecond()).toBeUndefined();
    rate.observe(2_000, 15);
    expect(rate.perSecond()).toBe(10);
  });
});
