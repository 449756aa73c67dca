import type { ExperimentReport } from '@frontier/contracts/experiment';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import type { Logger } from '@frontier/kit/logger';
import { beginExperiment, groupOf, observe } from '@frontier/policy/experiment';
import type { EndCount } from './ticket.ts';

const FLUSH_MS = 1_000;

/** Where the integers of experiments are kept for all gateways together. */
export interface ExperimentSink {
  reportExperiment(id: string, report: ExperimentReport): Promise<void>;
}

/** What was counted of experiments, by arm and group of callers: each second into the sink. */
export class ExperimentReports {
  readonly #sink: ExperimentSink;
  readonly #log: Logger;
  readonly #pending = new Map<string, ExperimentReport>();
  #timer: NodeJS.Timeout | undefined;

  constructor(sink: ExperimentSink, log: Logger) {
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

  /** Counts the end of one call of a subject in its arm. */
  counter(experiment: NonNullable<ModelTraffic['experiment']>, arm: string, subject: string): EndCount {
    return (kpi, value) => {
      const { id } = experiment;
      let pending = this.#pending.get(id);
      if (!pending) this.#pending.set(id, (pending = nothing(experiment)));
      observe({ arms: pending[kpi] }, arm, groupOf({ id }, subject), value);
    };
  }

  /** What was sent and not confirmed is not sent again: it may have been counted. */
  async flush(): Promise<void> {
    const reports = [...this.#pending];
    this.#pending.clear();
    for (const [id, report] of reports) {
      await this.#sink.reportExperiment(id, report).catch((error: unknown) => this.#log.warn({ err: error, experiment: id }, 'what was counted of an experiment is lost')); // prettier-ignore
    }
  }
}

function nothing(experiment: NonNullable<ModelTraffic['experiment']>): ExperimentReport {
  const { arms: errors } = beginExperiment(experiment, 0);
  const { arms: latencies } = beginExperiment(experiment, 0);
  return { error_rate: errors, latency: latencies };
}
