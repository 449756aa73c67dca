import fc from 'fast-check';
import { noneUnderWay, underWay, type Pair, type UnderWay } from './under-way.ts';

const both = (n: number): Pair => ({ control: n, canary: n });

/** A second each, in which both sides are assigned `rate`; `endedOf` says how many end in a second. What the test was given. */
function run(
  seconds: number,
  rate: number,
  endedOf: (second: number) => Pair,
): { after: UnderWay; due: Pair; served: Pair } {
  // prettier-ignore
  let after = noneUnderWay();
  const [due, served] = [both(0), both(0)];
  for (let i = 0; i < seconds; i += 1) {
    const step = underWay(after, { assigned: both(rate), ended: endedOf(i) }, 1_000_000 + i * 1_000);
    after = step.after;
    for (const side of ['control', 'canary'] as const) {
      due[side] += step.gain?.due[side] ?? 0;
      served[side] += step.gain?.served[side] ?? 0;
    }
  }
  return { after, due, served };
}

test('requests that end within ten seconds, however late, are all served', () => {
  const delay = fc.integer({ min: 0, max: 9 });
  fc.assert(
    fc.property(delay, delay, fc.integer({ min: 10, max: 500 }), (control, canary, rate) => {
      const { due, served } = run(60, rate, (i) => ({ control: i < control ? 0 : rate, canary: i < canary ? 0 : rate })); // prettier-ignore
      expect(served).toEqual(due);
      expect(due).toEqual(both(50 * rate));
    }),
  );
});

test('what never ends is missing when it is more than what has ended of late', () => {
  const lost = run(60, 100, () => ({ control: 100, canary: 70 }));
  expect(lost.due).toEqual(both(5_000));
  expect(lost.served).toEqual({ control: 5_000, canary: 60 * 70 });
});

test('a backlog that is worked off counts for nothing in the end', () => {
  const { due, served } = run(90, 50, (i) => ({ control: 50, canary: i < 20 ? 0 : i < 40 ? 100 : 50 }));
  expect(served).toEqual(due);
});

test('few requests wait for more, and the memory stays small', () => {
  expect(run(14, 2, () => both(2)).due).toEqual(both(0));
  expect(run(60, 2, () => both(2)).due).toEqual(both(100));
  let after = noneUnderWay();
  for (let i = 0; i < 10_000; i += 1) after = underWay(after, { assigned: both(1), ended: both(1) }, i * 5).after; // prettier-ignore
  expect(after.late.length).toBeLessThan(20);
});
