import { MetricsFault, type MetricsSource, type Scrape } from '@frontier/contracts/rollout';
import { z } from 'zod';
import { getText } from './http.ts';
import {
  ASSIGNED,
  DRIFT,
  ENDED,
  EPOCH,
  ERRORS,
  LATENCY,
  refuseTwins,
  scrapeOf,
  type Sample,
} from './samples.ts';

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

interface Series {
  metric: Readonly<Record<string, string>>;
  values: ReadonlyArray<readonly [seconds: number, value: string]>;
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(z.custom<Series>(isSeries, 'a series that is none')),
  }),
  /** Of a front end that has lost a part of its stores. */
  warnings: z.array(z.string()).max(0, 'the answer is not whole').default([]),
});
const clockSchema = z.object({ data: z.object({ result: z.tuple([z.number(), z.string()]) }) });

/** With its moment, Unix ms. */
type Timed = Sample & { at: number };

const COUNTED = [ASSIGNED, ENDED, ERRORS, LATENCY, DRIFT].join('|');

export interface PrometheusOptions {
  /** Of its HTTP API, without `/api/v1`. */
  url: string;
  timeoutMs: number;
  /** A gateway whose newest sample is older, by the clock of Prometheus, says nothing. */
  staleMs: number;
}

/**
 * Reads integers through the HTTP API of Prometheus: raw samples, by range selectors. `rate()` would extrapolate and
 * hide resets. One series of each gateway tells when it was scraped last; all its others are then asked for at exactly
 * that moment, which gives one sample of each.
 */
export class PrometheusSource implements MetricsSource {
  readonly #options: PrometheusOptions;

  constructor(options: PrometheusOptions) {
    this.#options = options;
  }

  async scrape(model: string, rollout: string, signal: AbortSignal): Promise<Scrape> {
    const epochs = await this.#epochs(model, signal);
    const moments = epochs.map(({ labels, at }) => [labels['instance'] ?? '', at] as const);
    // The drift alarms are of the model, without a rollout.
    const of = `__name__=~"${COUNTED}",model=${JSON.stringify(model)},rollout=~${JSON.stringify(`${literal(rollout)}|`)}`;
    const samples = await Promise.all(
      moments.map(([instance, at]) => this.#query(`{${of},instance=${JSON.stringify(instance)}}[1ms]`, at, signal)), // prettier-ignore
    );
    return scrapeOf([...epochs, ...samples.flat()], Math.min(...moments.map(([, at]) => at)));
  }

  /** The newest epoch of each gateway that was scraped of late: of every scrape one sample, whatever it counts. */
  async #epochs(model: string, signal: AbortSignal): Promise<Timed[]> {
    const { staleMs } = this.#options;
    // All by one clock, whichever this machine has.
    const now = await this.#now(signal);
    const range = `[${Math.max(1, Math.ceil(staleMs / 1000)) * 4}s]`;
    const newest = await this.#query(`${EPOCH}{model=${JSON.stringify(model)}}${range}`, now, signal);
    if (newest.length === 0) throw new MetricsFault('empty', `Prometheus has no ${EPOCH} of ${model}`);
    const fresh = newest.filter(({ at }) => now - at <= staleMs);
    if (fresh.length === 0) {
      const age = Math.round(now - Math.max(...newest.map(({ at }) => at)));
      throw new MetricsFault('stale', `the newest sample is ${age} ms old; is Prometheus scraping the gateways?`); // prettier-ignore
    }
    // A gateway that two jobs scrape has two moments.
    refuseTwins(fresh);
    return fresh;
  }

  /** Unix ms by the clock of Prometheus. */
  async #now(signal: AbortSignal): Promise<number> {
    return Math.round((await this.#ask('time()', undefined, clockSchema, signal)).data.result[0] * 1000);
  }

  /** The newest sample of each series. */
  async #query(query: string, at: number, signal: AbortSignal): Promise<Timed[]> {
    return (await this.#ask(query, at, answerSchema, signal)).data.result.flatMap(newestOf);
  }

  async #ask<T>(
    query: string,
    at: number | undefined,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { url, timeoutMs } = this.#options;
    const target = new URL(`${url.replace(/\/$/, '')}/api/v1/query`);
    target.searchParams.set('query', query);
    if (at !== undefined) target.searchParams.set('time', (at / 1000).toFixed(3));
    const text = await getText(target, { signal, timeoutMs, limit: MAX_ANSWER_BYTES });
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    throw new MetricsFault('malformed', `Prometheus: ${z.prettifyError(parsed.error).slice(0, 300)}`);
  }
}

/** By hand: there are thousands in a scrape, each second. */
function isSeries(value: unknown): value is Series {
  const { metric, values } = Object(value) as Record<string, unknown>;
  if (!isObject(metric) || !Array.isArray(values)) return false;
  for (const label in metric) if (typeof metric[label] !== 'string') return false;
  return values.every((one: unknown) => Array.isArray(one) && typeof one[0] === 'number' && typeof one[1] === 'string'); // prettier-ignore
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function newestOf({ metric, values }: Series): Timed[] {
  const last = values.at(-1);
  if (!last) return [];
  return [{ name: metric['__name__'] ?? '', labels: metric, value: Number(last[1]), at: Math.round(last[0] * 1000) }]; // prettier-ignore
}

/** A regular expression that matches this text and no other. */
function literal(text: string): string {
  return text.replace(/[^\w-]/g, String.raw`\$&`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MetricsFault('malformed', 'Prometheus answers what is no JSON', { cause: error });
  }
}
