import type { DriftReference } from '@frontier/contracts/drift';
import { DriftMonitor } from './drift-monitor.ts';
import { ReferenceBuilder } from './drift-reference.ts';
import { Seeded } from './testing/seeded.ts';

const policy = { windowMs: 1000, minSamples: 10 };
const reference: DriftReference = { schema: 1, features: { x: { edges: [0], counts: [500, 500] } } };

/** Adds windows whose part of values above 0 is given, and tells how each was judged. */
function windows(monitor: DriftMonitor, ...above: number[]): { drifted: boolean; alarm: boolean }[] {
  const verdicts = above.flatMap((part, w) => {
    const values = Array.from({ length: 100 }, (_, i) => (i < part * 100 ? 1 : -1));
    return values.flatMap((x, i) => monitor.add(w * 1000 + i, { x }));
  });
  verdicts.push(...monitor.add(above.length * 1000, { x: 1 }));
  return verdicts.map(({ drifted, alarm }) => ({ drifted, alarm }));
}

test('raises an alarm for two windows in a row, and ends it after two calm ones', () => {
  const got = windows(new DriftMonitor(reference, policy), 0.5, 0.95, 0.5, 0.95, 0.95, 0.5, 0.68, 0.5, 0.5);
  expect(got.map(({ drifted }) => drifted)).toEqual([false, true, false, true, true, false, false, false, false]); // prettier-ignore
  expect(got.map(({ alarm }) => alarm)).toEqual([false, false, false, false, true, true, true, true, false]);
});

test('a window ends when it is long enough and full enough', () => {
  const monitor = new DriftMonitor(reference, policy);
  for (let i = 0; i < 9; i += 1) expect(monitor.add(i * 10_000, { x: 1 })).toEqual([]);
  expect(monitor.add(90_000, { x: 1 })).toEqual([]);
  expect(monitor.add(90_001, { x: 1 })).toMatchObject([{ feature: 'x', samples: 10 }]);
  for (let i = 0; i < 50; i += 1) expect(monitor.add(90_002 + i, { x: 1 })).toEqual([]);
  expect(monitor.add(91_001, { x: 1 })).toMatchObject([{ samples: 51 }]);
});

test('features that the reference does not have are passed over, however many', () => {
  const monitor = new DriftMonitor(reference, { windowMs: 0, minSamples: 1 });
  for (let i = 0; i < 1000; i += 1) expect(monitor.add(i, { [`f${i}`]: i, constructor: 1 })).toEqual([]);
});

/* Simulated: windows of 10 minutes and 2,000 values. */
const DAYS = 2 * 24 * 6;
const SAMPLES = 2000;
type Draw = (random: Seeded, at: number) => number;

const normal: Draw = (random) => random.normal();
const lognormal: Draw = (random) => Math.exp(4 + 0.8 * random.normal());
const classOf = (part: number): Draw => (random) => (random.next() < part ? 1 : 0); // prettier-ignore

function referenceOf(draw: Draw, random: Seeded, values: number): DriftReference {
  const builder = new ReferenceBuilder(random.next);
  for (let i = 0; i < values; i += 1) builder.add({ x: draw(random, 0) });
  return builder.build();
}

/** The first window after which the alarm was on; undefined: none of them. */
function alarmIn(
  count: number,
  monitor: DriftMonitor,
  draw: Draw,
  random: Seeded,
  alike: number,
): number | undefined {
  // prettier-ignore
  for (let w = 0; w <= count; w += 1) {
    for (let i = 0; i < SAMPLES; i += alike) {
      const at = w * 600_000 + i;
      const x = draw(random, at);
      for (let j = 0; j < alike; j += 1) if (monitor.add(at, { x })[0]?.alarm) return w;
    }
  }
  return undefined;
}

const live = { windowMs: 600_000 - SAMPLES, minSamples: SAMPLES };

describe.each<[name: string, draw: Draw, alike: number]>([
  ['independent values', normal, 1],
  ['eight alike in a row', normal, 8],
  ['a mean that swings by 0.15 deviations over the day', (random, at) => random.normal() + 0.15 * Math.sin((2 * Math.PI * at) / 86_400_000), 1], // prettier-ignore
  ['skewed lengths', lognormal, 1],
  ['a rare class', classOf(0.02), 1],
])('without drift: %s', (_, draw, alike) => {
  it('raises no alarm in two days', () => {
    const random = new Seeded(3);
    const monitor = new DriftMonitor(referenceOf(draw, random, 5000), live);
    expect(alarmIn(DAYS, monitor, draw, random, alike)).toBeUndefined();
  });
});

describe.each<[name: string, before: Draw, after: Draw]>([
  ['the mean by half a deviation', normal, (random) => random.normal() + 0.5],
  ['twice the deviation', normal, (random) => 2 * random.normal()],
  ['texts half as long again', lognormal, (random, at) => 1.5 * lognormal(random, at)],
  ['a class from 20 to 40 %', classOf(0.2), classOf(0.4)],
  ['a fifth of the values missing (0)', (random) => 3 + random.normal(), (random) => (random.next() < 0.2 ? 0 : 3 + random.normal())], // prettier-ignore
])('drift: %s', (_, before, after) => {
  it('is found within three windows in 95 % of the runs at least', () => {
    const random = new Seeded(4);
    let found = 0;
    for (let run = 0; run < 40; run += 1) {
      const monitor = new DriftMonitor(referenceOf(before, random, 5000), live);
      if (alarmIn(3, monitor, after, random, 1) !== undefined) found += 1;
    }
    expect(found).toBeGreaterThanOrEqual(38);
  });
});
