import { SHADOW_RESULTS, type ShadowReport, type ShadowResult } from '@frontier/contracts/traffic';
import type { Logger } from '@frontier/kit/logger';
import type { LocalHistogram } from '../local-metrics.ts';
import type { TrafficMetrics } from './metrics.ts';

const FLUSH_MS = 1_000;

/** Where the integers of shadows are kept for all gateways together. */
export interface ShadowSink {
  reportShadow(id: string, report: ShadowReport): Promise<void>;
}

const SIDES = ['stable', 'candidate'] as const;

/** What became of one mirrored call. */
export interface ShadowFinding {
  result: ShadowResult;
  /** Where both sides have answered. Seconds of execution, where they are known. */
  compared?: { difference: number; latency: Record<(typeof SIDES)[number], number | undefined> };
}

interface Named {
  name: string;
  version: string;
}

/** What was found about one shadow: into the metrics at once, and each second into the sink. */
export class ShadowReports {
  readonly #metrics: TrafficMetrics;
  readonly #sink: ShadowSink;
  readonly #log: Logger;
  readonly #pending = new Map<string, ShadowReport>();
  #timer: NodeJS.Timeout | undefined;

  constructor(metrics: TrafficMetrics, sink: ShadowSink, log: Logger) {
    this.#metrics = metrics;
    this.#sink = sink;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** Adds to the metrics and to what goes out next. */
  add(id: string, { name, version }: Named, { result, compared }: ShadowFinding): void {
    let pending = this.#pending.get(id);
    if (!pending) this.#pending.set(id, (pending = nothing()));
    this.#metrics.shadowRequests.of(name, version, result).value += 1;
    pending.results[result] += 1;
    if (!compared) return;
    const { difference, latency } = compared;
    const observe = (
      of: LocalHistogram,
      value: number,
      into: Record<string, number>,
      ...labels: string[]
    ) => {
      const bucket = of.of(name, version, ...labels).observe(value);
      into[bucket] = (into[bucket] ?? 0) + 1;
    };
    observe(this.#metrics.shadowDifference, difference, pending.difference);
    for (const side of SIDES) {
      const seconds = latency[side];
      if (seconds !== undefined) observe(this.#metrics.shadowLatency, seconds, pending.latency[side], side);
    }
  }

  /** What was sent and not confirmed is not sent again: it may have been counted. */
  async flush(): Promise<void> {
    const reports = [...this.#pending];
    this.#pending.clear();
    for (const [id, report] of reports) {
      await this.#sink.reportShadow(id, report).catch((error: unknown) => this.#log.warn({ err: error, shadow: id }, 'what was found about a shadow is lost')); // prettier-ignore
    }
  }
}

function nothing(): ShadowReport {
  const results = Object.fromEntries(SHADOW_RESULTS.map((result) => [result, 0]));
  return {
    results: results as Record<ShadowResult, number>,
    difference: {},
    latency: { stable: {}, candidate: {} },
  };
}
