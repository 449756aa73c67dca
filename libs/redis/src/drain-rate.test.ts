import { DrainRate } from './drain-rate.ts';

/** A shard that settles `perSecond` for `seconds`, read every 50 ms while `backlog` jobs wait. */
function read(rate: DrainRate, { from = 0, seconds = 1, perSecond = 100, backlog = 5, outstanding = 50 }) {
  for (let ms = 0; ms <= seconds * 1000; ms += 50) {
    rate.observe({ at: from + ms, settled: (perSecond * (from + ms)) / 1000, outstanding, backlog });
  }
  return from + seconds * 1000;
}

describe('DrainRate', () => {
  it('is what a shard settles while work waits', () => {
    const rate = new DrainRate();
    const now = read(rate, { perSecond: 200, seconds: 2 });
    expect(rate.perSecond(now)).toBe(200);
  });

  it('is not known of a backlog that is young, nor when nothing waits', () => {
    const rate = new DrainRate();
    expect(rate.perSecond(read(rate, { seconds: 0.4 }))).toBe(0);
    expect(rate.perSecond(read(new DrainRate(), { seconds: 5, backlog: 0 }))).toBe(0);
  });

  it('does not take the little that was done before a burst for all that can be done', () => {
    const rate = new DrainRate();
    // Two requests a second and nothing waits; then sixty come at once.
    const now = read(rate, { seconds: 20, perSecond: 2, backlog: 0, outstanding: 1 });
    rate.observe({ at: now + 1, settled: 40, outstanding: 60, backlog: 1 });
    rate.observe({ at: now + 90, settled: 55, outstanding: 45, backlog: 1 });
    expect(rate.perSecond(now + 90)).toBe(0);
  });

  it('is not less than what was done lately, when a dispatcher is replaced and work waits for a second', () => {
    const pause = (rate: DrainRate) => {
      // Fifty a second and nothing waits; then ten a second are settled, and forty more wait each second.
      const now = read(rate, { seconds: 9, perSecond: 50, backlog: 0, outstanding: 2 });
      for (let ms = 100; ms <= 1_000; ms += 100)
        rate.observe({ at: now + ms, settled: 450 + ms / 100, outstanding: 2 + ms / 25, backlog: 1 });
      return rate.perSecond(now + 1_000);
    };
    expect(pause(new DrainRate())).toBeCloseTo(46, 0);
    expect(pause(new DrainRate({ floor: false }))).toBeCloseTo(10, 0);
  });

  it('begins anew after a quiet spell, whether a reading fell into it or not', () => {
    const rate = new DrainRate();
    let now = read(rate, { perSecond: 10, seconds: 2 });
    rate.observe({ at: now + 50, settled: 20, outstanding: 0, backlog: 0 });
    now = read(rate, { from: now + 100, seconds: 0.4 });
    expect(rate.perSecond(now)).toBe(0);

    // Bursts of 20 a second apart, seen by somebody who always comes second: each finds the first one's backlog.
    const bursts = new DrainRate();
    for (let i = 0; i < 10; i += 1)
      bursts.observe({ at: i * 1000, settled: i * 40, outstanding: 20, backlog: 1 });
    expect(bursts.perSecond(9_000)).toBe(0);
  });

  it('is known from few readings, too, where what waited at one still does at the next', () => {
    const rate = new DrainRate();
    for (let i = 0; i < 5; i += 1)
      rate.observe({ at: i * 400, settled: i * 2, outstanding: 20 + i, backlog: 3 });
    expect(rate.perSecond(1_600)).toBe(5);
  });

  it('follows what changes, and says nothing when the last reading is old', () => {
    const rate = new DrainRate();
    for (let at = 0, settled = 0; at <= 30_000; at += 100, settled += at <= 10_000 ? 1 : 10)
      rate.observe({ at, settled, outstanding: 500, backlog: 9 });
    expect(rate.perSecond(30_000)).toBeCloseTo(100, 0);
    expect(rate.perSecond(32_500)).toBe(0);
  });

  it('begins anew when the counter was reset', () => {
    const rate = new DrainRate();
    const now = read(rate, { from: 1_000, seconds: 2 });
    rate.observe({ at: now + 50, settled: 5, outstanding: 50, backlog: 5 });
    expect(rate.perSecond(now + 50)).toBe(0);
  });

  it('tells a refused caller when there will be room, by what was last measured', () => {
    const rate = new DrainRate();
    const now = read(rate, { seconds: 2 });
    expect(rate.retryAfterS(1_000, 0)).toBe(10);
    expect(rate.retryAfterS(1_000, 1)).toBe(15);
    rate.observe({ at: now + 50, settled: 200, outstanding: 0, backlog: 0 });
    expect(rate.retryAfterS(500, 0)).toBe(5);
  });

  it('stays within 1 to 60 seconds, and has a guess before anything was measured', () => {
    const rate = new DrainRate();
    expect(rate.retryAfterS(1, 0)).toBe(5);
    read(rate, { perSecond: 1 });
    expect(rate.retryAfterS(100_000, 1)).toBe(60);
    expect(rate.retryAfterS(0, 0)).toBe(1);
  });
});
