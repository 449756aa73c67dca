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

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])).default([]),
      }),
    ),
  }),
  /** Of a front end that has lost a part of its stores. */
  warnings: z.array(z.string()).max(0, 'the answer is not whole').default([]),
});
const clockSchema = z.object({ data: z.object({ result: z.tuple([z.number(), z.string()]) }) });

type Series = z.output<typeof answerSchema>['data']['result'][number];

export interface PrometheusOptions {
  /** Of its HTTP API, without `/api/v1`. */
  url: string;
  timeoutMs: number;
  /** A gateway whose newest sample is older, by the clock of Prometheus, says nothing. */
  staleMs: number;
}

/**
 * Reads integers through the HTTP API of Prometheus: the newest raw sample of each series, by a range selector.
 * `rate()` would extrapolate and hide resets. All series of a gateway are taken at one moment, its newest one.
 */
export class PrometheusSource implements MetricsSource {
  readonly #options: PrometheusOptions;

  constructor(options: PrometheusOptions) {
    this.#options = options;
  }

  async scrape(model: string, rollout: string, signal: AbortSignal): Promise<Scrape> {
    // All by one clock, whichever this machine has.
    const now = await this.#now(signal);
    const range = `[${Math.max(1, Math.ceil(this.#options.staleMs / 1000)) * 4}s]`;
    const names = [ASSIGNED, ENDED, ERRORS, LATENCY].join('|');
    const of = `model=${JSON.stringify(model)}`;
    const [counters, others] = await Promise.all([
      this.#query(`{__name__=~"${names}",${of},rollout=${JSON.stringify(rollout)}}${range}`, now, signal),
      this.#query(`{__name__=~"${EPOCH}|${DRIFT}",${of}}${range}`, now, signal),
    ]);
    const newest = newestOf(counters);
    if (newest.size === 0) throw new MetricsFault('empty', `Prometheus has no series of the rollout ${rollout}`); // prettier-ignore
    const fresh = [...newest].filter(([, at]) => now - at <= this.#options.staleMs);
    if (fresh.length === 0) {
      const age = Math.round(now - Math.max(...newest.values()));
      throw new MetricsFault('stale', `the newest sample is ${age} ms old; is Prometheus scraping the gateways?`); // prettier-ignore
    }
    const moments = new Map(fresh);
    const samples = [...counters, ...others].flatMap((series) => newestSample(series, now - this.#options.staleMs)); // prettier-ignore
    // Before any is left out: a twin may have another moment.
    refuseTwins(samples);
    const aligned = samples.filter(({ at, labels }) => at === moments.get(labels['instance'] ?? ''));
    return scrapeOf(aligned, Math.min(...moments.values()));
  }

  /** Unix ms by the clock of Prometheus. */
  async #now(signal: AbortSignal): Promise<number> {
    return Math.round((await this.#ask('time()', undefined, clockSchema, signal)).data.result[0] * 1000);
  }

  async #query(query: string, at: number, signal: AbortSignal): Promise<Series[]> {
    return (await this.#ask(query, at, answerSchema, signal)).data.result;
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

/** Instance -> Unix ms of its newest sample. */
function newestOf(series: readonly Series[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { metric, values } of series) {
    const last = values.at(-1);
    if (!last) continue;
    const instance = metric['instance'] ?? '';
    newest.set(instance, Math.max(newest.get(instance) ?? 0, msOf(last)));
  }
  return newest;
}

/** None of a series that ended before `since`. */
function newestSample({ metric, values }: Series, since: number): Array<Sample & { at: number }> {
  const { __name__: name = '', ...labels } = metric;
  const last = values.at(-1);
  if (!last || msOf(last) < since) return [];
  return [{ name, labels, value: Number(last[1]), at: msOf(last) }];
}

function msOf([seconds]: readonly [number, string]): number {
  return Math.round(seconds * 1000);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MetricsFault('malformed', 'Prometheus answers what is no JSON', { cause: error });
  }
}
