import type { Counters, MetricsFaultReason, Reading, Scrape } from '@frontier/contracts/rollout';
import type { Variant } from '@frontier/contracts/traffic';

/** Readings of a scrape at most, and instances that are remembered. */
const MAX_READINGS = 8_192;
const MAX_INSTANCES = 256;
/** An instance that was not seen for this long is forgotten. */
const FORGET_MS = 3_600_000;

/** What one variant gained in an interval. `latency` is cumulative over the bounds, as it is scraped. */
export interface Counts {
  assigned: number;
  ended: number;
  errors: number;
  latency: number[];
}

export interface Halves {
  a: Counts;
  b: Counts;
}

/** What both sides gained in one stratum (instance, priority, pool). */
export interface Stratum {
  key: string;
  control: Halves;
  canary: Halves;
}

export interface Interval {
  strata: Stratum[];
  assigned: Record<Variant, number>;
  /** Instances that were scraped, and how many of them had begun to count anew. */
  instances: number;
  resets: number;
}

/** The raw integers of the last scrape of each instance. */
export interface Series {
  at: number;
  bounds: number[];
  instances: Record<string, InstanceSeries>;
}

interface InstanceSeries {
  at: number;
  epoch: number;
  /** The scrape before this one had the same epoch. */
  settled: boolean;
  counters: Record<string, Counters>;
}

export const emptySeries = (): Series => ({ at: 0, bounds: [], instances: {} });

export function noCounts(buckets: number): Counts {
  return { assigned: 0, ended: 0, errors: 0, latency: new Array<number>(buckets).fill(0) };
}

export function addCounts(into: Counts, more: Counts, weight = 1): void {
  into.assigned += weight * more.assigned;
  into.ended += weight * more.ended;
  into.errors += weight * more.errors;
  for (let i = 0; i < more.latency.length; i += 1) {
    into.latency[i] = (into.latency[i] as number) + weight * (more.latency[i] as number);
  }
}

/** What makes a scrape unusable as a whole; undefined: nothing. */
export function faultOf(series: Series, scrape: Scrape): MetricsFaultReason | undefined {
  const { bounds, readings } = scrape;
  if (readings.length > MAX_READINGS || !sameOrFirst(series.bounds, bounds)) return 'malformed';
  if (bounds.some((bound, i) => !(bound > (bounds[i - 1] ?? 0)))) return 'malformed';
  const keys = new Set<string>();
  for (const reading of readings) {
    const key = `${reading.instance}|${keyOf(reading)}`;
    if (keys.has(key)) return 'ambiguous';
    keys.add(key);
    if (!sound(reading.counters, bounds.length + 1)) return 'malformed';
  }
  return undefined;
}

function sameOrFirst(before: readonly number[], bounds: readonly number[]): boolean {
  if (before.length === 0) return true;
  return before.length === bounds.length && before.every((bound, i) => bound === bounds[i]);
}

function sound({ assigned, ended, errors, latency }: Counters, buckets: number): boolean {
  if (latency.length !== buckets || ![assigned, ended, errors].every(isCount)) return false;
  let before = 0;
  for (const n of latency) {
    if (!isCount(n) || n < before) return false;
    before = n;
  }
  return true;
}

const { isSafeInteger } = Number;
const isCount = (n: number) => isSafeInteger(n) && n >= 0;

/**
 * What was gained since the scrape before. An instance counts only if it obeyed the same traffic record at this
 * scrape and the two before it, if that record is later than `epochAbove`, and if none of its counters fell; if one
 * did, the instance is left out for both sides. A scrape that is not newer gives nothing.
 */
export function readInterval(
  before: Series,
  scrape: Scrape,
  epochAbove: number,
): { series: Series; interval: Interval } {
  const interval: Interval = { strata: [], assigned: { stable: 0, control: 0, canary: 0 }, instances: 0, resets: 0 }; // prettier-ignore
  if (scrape.at <= before.at) return { series: before, interval };
  const instances = new Map(Object.entries(before.instances));
  for (const [instance, readings] of byInstance(scrape.readings)) {
    const epoch = scrape.epochs[instance];
    if (epoch === undefined) continue;
    interval.instances += 1;
    const was = before.instances[instance];
    const same = was?.epoch === epoch;
    const counters = Object.fromEntries(readings.map((reading) => [keyOf(reading), reading.counters]));
    instances.set(instance, { at: scrape.at, epoch, settled: same, counters });
    if (was && fell(was.counters, counters)) interval.resets += 1;
    else if (was && same && was.settled && epoch > epochAbove) gain(interval, was.counters, readings);
  }
  const series = { at: scrape.at, bounds: [...scrape.bounds], instances: remembered(instances, scrape.at) };
  return { series, interval };
}

/** The latest traffic record that any instance obeys. */
export function latestEpoch(series: Series): number {
  return Math.max(-1, ...Object.values(series.instances).map(({ epoch }) => epoch));
}

function byInstance(readings: readonly Reading[]): Map<string, Reading[]> {
  const groups = new Map<string, Reading[]>();
  for (const reading of readings) {
    const group = groups.get(reading.instance);
    if (group) group.push(reading);
    else groups.set(reading.instance, [reading]);
  }
  return groups;
}

const keyOf = ({ priority, pool, variant, half }: Reading) => `${priority}|${pool}|${variant}|${half}`;

/** A series that is gone counts as one that fell; sources leave out those that have counted nothing. */
function fell(before: Record<string, Counters>, after: Record<string, Counters>): boolean {
  return Object.entries(before).some(([key, was]) => {
    const is = after[key];
    if (!is) return was.assigned > 0 || was.ended > 0 || was.latency.some((n) => n > 0);
    return (
      is.assigned < was.assigned ||
      is.ended < was.ended ||
      is.errors < was.errors ||
      is.latency.some((n, i) => n < (was.latency[i] as number))
    );
  });
}

function gain(interval: Interval, before: Record<string, Counters>, readings: readonly Reading[]): void {
  const buckets = readings[0]?.counters.latency.length ?? 0;
  const strata = new Map<string, Stratum>();
  for (const reading of readings) {
    const { instance, priority, pool, variant, half, counters } = reading;
    const was = before[keyOf(reading)];
    interval.assigned[variant] += counters.assigned - (was?.assigned ?? 0);
    if (variant === 'stable') continue;
    const key = `${instance}|${priority}|${pool}`;
    const stratum = strata.get(key) ?? emptyStratum(key, buckets);
    strata.set(key, stratum);
    addCounts(stratum[variant][half], counters as Counts);
    if (was) addCounts(stratum[variant][half], was as Counts, -1);
  }
  interval.strata.push(...strata.values());
}

function emptyStratum(key: string, buckets: number): Stratum {
  const halves = () => ({ a: noCounts(buckets), b: noCounts(buckets) });
  return { key, control: halves(), canary: halves() };
}

function remembered(instances: Map<string, InstanceSeries>, at: number): Record<string, InstanceSeries> {
  const fresh = [...instances].filter(([, { at: seen }]) => at - seen < FORGET_MS);
  if (fresh.length <= MAX_INSTANCES) return Object.fromEntries(fresh);
  return Object.fromEntries(fresh.sort(([, a], [, b]) => b.at - a.at).slice(0, MAX_INSTANCES));
}
