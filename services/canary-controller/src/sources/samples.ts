import { MetricsFault, type Counters, type Reading, type Scrape } from '@frontier/contracts/rollout';
import { VARIANTS, type Variant } from '@frontier/contracts/traffic';

/** One number of one series, as a gateway exports it. */
export interface Sample {
  name: string;
  /** With `instance`: which gateway it is of. */
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** Names of all series that a scrape is made of. */
export const ASSIGNED = 'canary_assigned_total';
export const ENDED = 'canary_requests_total';
export const ERRORS = 'canary_errors_total';
export const LATENCY = 'canary_latency_seconds_bucket';
export const EPOCH = 'canary_traffic_epoch';
/** Of the model, not of the rollout, as the epoch is. */
export const DRIFT = 'drift_alarm';

/** What tells one series from another; two that agree in all of these are one too many. */
const IDENTITY = ['instance', 'model', 'variant', 'half', 'priority', 'pool', 'version', 'error_type', 'feature', 'le']; // prettier-ignore
/** Drift alarms of a scrape at most. */
const MAX_DRIFT = 128;

interface Stratum extends Pick<Reading, 'instance' | 'priority' | 'pool' | 'variant' | 'half'> {
  assigned: number;
  ended: number;
  errors: number;
  /** By upper bound, seconds. */
  buckets: Map<number, number>;
}

/**
 * The readings of one rollout, from samples of one moment an instance. Versions and error types of a variant are
 * summed: the same variant is served by another version after an A/A phase. Throws MetricsFault: `empty`, `ambiguous`
 * where two series stand for one, `malformed` where a number is none that a counter can have.
 */
export function scrapeOf(samples: readonly Sample[], at: number): Scrape {
  refuseTwins(samples);
  const strata = new Map<string, Stratum>();
  const epochs: Record<string, number> = {};
  const drift = new Set<string>();
  for (const sample of samples) {
    if (sample.name === EPOCH) epochs[labelOf(sample, 'instance')] = countOf(sample);
    else if (sample.name === DRIFT) addAlarm(drift, sample);
    else addTo(stratumOf(strata, sample), sample);
  }
  if (strata.size === 0) throw new MetricsFault('empty', 'no series of this rollout');
  const bounds = boundsOf([...strata.values()]);
  const readings = counted([...strata.values()].map((stratum) => readingOf(stratum, bounds)));
  const alarms = [...drift].sort().slice(0, MAX_DRIFT);
  return { at, bounds, epochs, readings, ...(alarms.length > 0 && { drift: alarms }) };
}

/**
 * Without the strata where a gateway has counted nothing, which most are: each scrape is kept. One that has counted
 * nothing anywhere stays whole, or its counters would not be seen to have begun anew.
 */
function counted(readings: Reading[]): Reading[] {
  const isUsed = ({ counters: { assigned, ended, errors, latency } }: Reading) =>
    Math.max(assigned, ended, errors, latency.at(-1) ?? 0) > 0;
  const used = new Set(readings.filter(isUsed).map(({ instance }) => instance));
  return readings.filter((reading) => isUsed(reading) || !used.has(reading.instance));
}

function addAlarm(alarms: Set<string>, sample: Sample): void {
  if (sample.value === 1) alarms.add(`${labelOf(sample, 'version')} ${labelOf(sample, 'feature')}`);
}

/** Throws MetricsFault `ambiguous` where two series stand for one, such as of a gateway that two jobs scrape. */
export function refuseTwins(samples: readonly Sample[]): void {
  const seen = new Set<string>();
  for (const { name, labels } of samples) {
    let identity = name;
    for (const label of IDENTITY) identity += `\0${labels[label] ?? ''}`;
    if (seen.has(identity)) throw new MetricsFault('ambiguous', `two series where one is expected: ${identity.replaceAll('\0', ' ').trimEnd()}`); // prettier-ignore
    seen.add(identity);
  }
}

function stratumOf(strata: Map<string, Stratum>, sample: Sample): Stratum {
  const instance = labelOf(sample, 'instance');
  const priority = labelOf(sample, 'priority');
  const pool = labelOf(sample, 'pool');
  const variant = labelOf(sample, 'variant');
  const half = labelOf(sample, 'half');
  if (!isVariant(variant) || (half !== 'a' && half !== 'b')) {
    throw new MetricsFault('malformed', `${sample.name} has the variant ${variant} and the half ${half}`);
  }
  const key = `${instance}\0${priority}\0${pool}\0${variant}\0${half}`;
  const found = strata.get(key);
  if (found) return found;
  const names = { instance, priority, pool, variant };
  const stratum: Stratum = { ...names, half, assigned: 0, ended: 0, errors: 0, buckets: new Map() };
  strata.set(key, stratum);
  return stratum;
}

function addTo(stratum: Stratum, sample: Sample): void {
  const count = countOf(sample);
  switch (sample.name) {
    case ASSIGNED:
      stratum.assigned += count;
      break;
    case ENDED:
      stratum.ended += count;
      break;
    case ERRORS:
      stratum.errors += count;
      break;
    case LATENCY: {
      const le = labelOf(sample, 'le');
      const bound = le === '+Inf' ? Infinity : Number(le);
      if (Number.isNaN(bound)) throw new MetricsFault('malformed', `${sample.name} has the bound ${le}`);
      stratum.buckets.set(bound, (stratum.buckets.get(bound) ?? 0) + count);
      break;
    }
    default:
      throw new MetricsFault('malformed', `unexpected series ${sample.name}`);
  }
}

/** The bounds in which all histograms agree, ascending, with infinity left out. */
function boundsOf(strata: readonly Stratum[]): number[] {
  const all = strata.filter(({ buckets }) => buckets.size > 0);
  const bounds = [...(all[0]?.buckets.keys() ?? [])].sort((a, b) => a - b);
  for (const { buckets } of all) {
    if (buckets.size !== bounds.length || !bounds.every((bound) => buckets.has(bound))) {
      throw new MetricsFault('malformed', 'histograms with different bounds');
    }
  }
  if (bounds.length > 0 && bounds.pop() !== Infinity) {
    throw new MetricsFault('malformed', 'a histogram without its bucket +Inf');
  }
  return bounds;
}

function readingOf(stratum: Stratum, bounds: readonly number[]): Reading {
  const { assigned, ended, errors, buckets, ...names } = stratum;
  const latency = [...bounds, Infinity].map((bound) => buckets.get(bound) ?? 0);
  if (latency.some((count, i) => count < (latency[i - 1] ?? 0))) {
    throw new MetricsFault('malformed', 'a histogram whose buckets fall');
  }
  const counters: Counters = { assigned, ended, errors, latency };
  return { ...names, counters };
}

function countOf({ name, value }: Sample): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new MetricsFault('malformed', `${name} is ${value}, which no count is`);
}

function labelOf({ name, labels }: Sample, label: string): string {
  const value = labels[label];
  if (value !== undefined) return value;
  throw new MetricsFault('malformed', `${name} has no label ${label}`);
}

function isVariant(text: string): text is Variant {
  return (VARIANTS as readonly string[]).includes(text);
}
