import fc from 'fast-check';
import type { Counters, Reading, Scrape } from '@frontier/contracts/rollout';
import { emptySeries, faultOf, latestEpoch, readInterval, type Counts, type Series } from './intervals.ts';

const bounds = [0.1, 0.2];
const counters = (n: number, errors = 0): Counters => ({ assigned: n, ended: n, errors, latency: [0, n, n] });
const reading = (variant: Reading['variant'], n: number, extra: Partial<Reading> = {}): Reading => ({
  instance: 'g1',
  priority: 'vip',
  pool: 'cpu',
  variant,
  half: 'a',
  counters: counters(n),
  ...extra,
});
const scrape = (at: number, readings: Reading[], epochs: Record<string, number> = { g1: 1, g2: 1 }): Scrape => ({ at, bounds, epochs, readings }); // prettier-ignore

/** Intervals between scrapes in a row. */
function intervals(scrapes: Scrape[], epochAbove = 0) {
  let series: Series = emptySeries();
  return scrapes.map((next) => {
    const read = readInterval(series, next, epochAbove);
    series = JSON.parse(JSON.stringify(read.series)) as Series;
    return read.interval;
  });
}
const canaryOf = (interval: ReturnType<typeof intervals>[number] | undefined) =>
  (interval?.strata ?? []).reduce((sum, { canary }) => sum + canary.a.ended + canary.b.ended, 0);

describe('readInterval', () => {
  it('gives the differences between raw counters, by stratum, from the third scrape on', () => {
    const [first, second, third] = intervals([
      scrape(1, [reading('canary', 3), reading('control', 5)]),
      scrape(2, [reading('canary', 4), reading('control', 5)]),
      scrape(3, [reading('canary', 10), reading('control', 6), reading('stable', 90), reading('canary', 2, { pool: 'gpu', half: 'b' })]), // prettier-ignore
    ]);
    expect([first?.strata, second?.strata]).toEqual([[], []]);
    expect(third?.assigned).toEqual({ stable: 90, control: 1, canary: 8 });
    const gained = (n: number): Counts => ({ assigned: n, ended: n, errors: 0, latency: [0, n, n] });
    expect(third?.strata).toEqual([
      { key: 'g1|vip|cpu', control: { a: gained(1), b: gained(0) }, canary: { a: gained(6), b: gained(0) } }, // prettier-ignore
      { key: 'g1|vip|gpu', control: { a: gained(0), b: gained(0) }, canary: { a: gained(0), b: gained(2) } }, // prettier-ignore
    ]);
  });

  it('leaves an instance out for both sides when one of its counters fell, and no other', () => {
    const both = (canary: number, control: number) => [
      reading('canary', canary),
      reading('control', control),
      reading('canary', canary, { instance: 'g2' }),
      reading('control', control, { instance: 'g2' }),
    ];
    const reset = both(30, 30).map((one) => one.instance === 'g1' && one.variant === 'control' ? reading('control', 1) : one); // prettier-ignore
    const [, , normal, afterReset, later] = intervals([
      scrape(1, both(1, 1)),
      scrape(2, both(10, 10)),
      scrape(3, both(20, 20)),
      scrape(4, reset),
      scrape(5, both(40, 40)),
    ]);
    expect(normal?.strata.map(({ key }) => key)).toHaveLength(2);
    expect(afterReset).toMatchObject({ resets: 1, instances: 2, strata: [{ key: 'g2|vip|cpu' }] });
    expect(canaryOf(later)).toBe(20);
  });

  it('counts nothing over a change of the traffic record, and one interval less', () => {
    const one = (at: number, epoch: number) => scrape(at, [reading('canary', at * 10)], { g1: epoch });
    const read = intervals([one(1, 1), one(2, 1), one(3, 1), one(4, 2), one(5, 2), one(6, 2)]);
    expect(read.map(canaryOf)).toEqual([0, 0, 10, 0, 0, 10]);
    expect(intervals([one(1, 1), one(2, 1), one(3, 1)], 1).map(canaryOf)).toEqual([0, 0, 0]);
  });

  it('bridges a gap without a reset', () => {
    const one = (at: number, n: number) => scrape(at, [reading('canary', n)]);
    const without = scrape(3, [reading('canary', 1, { instance: 'g2' })]);
    const read = intervals([one(1, 1), one(2, 2), without, one(4, 12)]);
    expect(read.map(canaryOf)).toEqual([0, 0, 0, 10]);
  });

  it('gives nothing for a scrape that is not newer', () => {
    const one = (at: number, n: number) => scrape(at, [reading('canary', n)]);
    expect(intervals([one(1, 1), one(2, 2), one(3, 9), one(3, 20), one(2, 30), one(4, 20)]).map(canaryOf)).toEqual([0, 0, 7, 0, 0, 11]); // prettier-ignore
  });

  it('ignores an instance whose traffic record is not known', () => {
    const one = (at: number) => scrape(at, [reading('canary', at)], {});
    expect(intervals([one(1), one(2), one(3)]).map(canaryOf)).toEqual([0, 0, 0]);
  });

  it('remembers 256 instances at most, and the latest record of them', () => {
    const many = Array.from({ length: 300 }, (_, i) => reading('canary', 1, { instance: `g${i}` }));
    const epochs = Object.fromEntries(many.map(({ instance }, i) => [instance, i % 7]));
    const { series } = readInterval(emptySeries(), scrape(1, many, epochs), -1);
    expect(Object.keys(series.instances)).toHaveLength(256);
    expect(latestEpoch(series)).toBe(6);
    expect(latestEpoch(emptySeries())).toBe(-1);
  });

  it('adds up to what was counted in all, wherever scrapes are cut', () => {
    const steps = fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.boolean()), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (steps) => {
        const totals = { canary: 0, control: 0 };
        const kept = [scrape(1, [reading('canary', 0), reading('control', 0)]), scrape(2, [reading('canary', 0), reading('control', 0)])]; // prettier-ignore
        steps.forEach(([canary, control, seen], i) => {
          totals.canary += canary;
          totals.control += control;
          const last = i === steps.length - 1;
          if (seen || last) kept.push(scrape(3 + i, [reading('canary', totals.canary), reading('control', totals.control)])); // prettier-ignore
        });
        const sum = intervals(kept).reduce((all, { assigned }) => all + assigned.canary + assigned.control, 0); // prettier-ignore
        expect(sum).toBe(totals.canary + totals.control);
      }),
    );
  });
});

describe('readings without counts', () => {
  const kinds = [
    { variant: 'control', half: 'a' },
    { variant: 'canary', half: 'a' },
    { variant: 'canary', half: 'b' },
    { variant: 'canary', half: 'a', pool: 'gpu' },
  ] as const;
  /** As the sources do it. */
  const trimmed = (one: Scrape): Scrape => {
    const used = one.readings.filter(({ counters }) => counters.assigned > 0);
    return { ...one, readings: used.length > 0 ? used : one.readings };
  };
  const gained = (scrapes: Scrape[]) =>
    intervals(scrapes).map(({ strata, ...rest }) => ({ ...rest, strata: strata.filter(({ control, canary }) => [control, canary].some(({ a, b }) => a.assigned + b.assigned > 0)) })); // prettier-ignore

  it('may be left out, also where counters begin anew', () => {
    const steps = fc.array(
      fc.record({ more: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(1), fc.nat(1)), anew: fc.boolean() }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(steps, (steps) => {
        let totals = kinds.map(() => 0);
        const scrapes = steps.map(({ more, anew }, i) => {
          totals = totals.map((n, k) => (anew ? 0 : n) + (more[k] as number));
          return scrape(i + 1, kinds.map((kind, k) => reading(kind.variant, totals[k] as number, kind))); // prettier-ignore
        });
        expect(gained(scrapes.map(trimmed))).toEqual(gained(scrapes));
      }),
    );
  });
});

describe('faultOf', () => {
  const faultIn = (readings: Reading[], other: Partial<Scrape> = {}) =>
    faultOf(emptySeries(), { ...scrape(1, readings), ...other });

  it('finds two series where one is expected', () => {
    expect(faultIn([reading('canary', 1), reading('canary', 2)])).toBe('ambiguous');
    expect(faultIn([reading('canary', 1), reading('canary', 2, { half: 'b' })])).toBeUndefined();
  });

  it.each<[string, Partial<Counters>]>([
    ['a negative count', { assigned: -1 }],
    ['a fraction', { errors: 0.5 }],
    ['no number', { ended: NaN }],
    ['a bucket too few', { latency: [1, 1] }],
    ['buckets that fall', { latency: [2, 1, 3] }],
  ])('finds %s', (_, broken) => {
    const one = reading('canary', 3);
    expect(faultIn([{ ...one, counters: { ...one.counters, ...broken } }])).toBe('malformed');
  });

  it('finds bounds that do not ascend, or that have changed', () => {
    expect(faultIn([], { bounds: [0.2, 0.1] })).toBe('malformed');
    const { series } = readInterval(emptySeries(), scrape(1, []), -1);
    expect(faultOf(series, { ...scrape(2, []), bounds: [0.1, 0.3] })).toBe('malformed');
    expect(faultOf(series, scrape(2, []))).toBeUndefined();
  });
});
