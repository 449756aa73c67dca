import { ERROR_CODES, httpStatusOf } from '@frontier/contracts/errors';
import { exponential } from '@frontier/kit/metrics';
import type { Registry } from 'prom-client';
import { LocalCounter, LocalHistogram, type Count, type Distribution } from '../local-metrics.ts';

/** Executions that failed before one succeeded: the call is an error of its side, whatever its caller got. */
export const RETRIED = 'RETRIED';
const ERROR_TYPES: readonly string[] = [...ERROR_CODES.filter((code) => httpStatusOf(code) >= 500), RETRIED];

/** The counts of one side in one stratum. */
export interface Side {
  assigned: Count;
  ended: Count;
  /** By error type: all there are, so that each series begins at 0. */
  errors: ReadonlyMap<string, Count>;
  latency: Distribution;
}

/**
 * 1.1 apart from 5 ms to 11 s: wherever p95 lies, a canary that is 10 % slower is seen to be so, and one that is not is
 * not held up because nobody can tell.
 */
const SIDE_BOUNDS = exponential(0.005, 1.1, 82);

/** The metrics that compare sides: of rollouts (`canary_…`) or of experiments (`experiment_…`). */
export class SideMetrics {
  readonly #assigned: LocalCounter;
  readonly #ended: LocalCounter;
  readonly #errors: LocalCounter;
  readonly #latency: LocalHistogram;

  constructor(registry: Registry, prefix: 'canary' | 'experiment', labelNames: readonly string[]) {
    const counter = (name: string, help: string, ...more: string[]) =>
      new LocalCounter(registry, { name: `${prefix}_${name}`, help, labelNames: [...labelNames, ...more] });
    this.#assigned = counter('assigned_total', 'Calls that were given to this side');
    this.#ended = counter('requests_total', 'Calls of this side that have ended', 'version');
    this.#errors = counter('errors_total', 'Of those that ended: as 5xx or timeout', 'version', 'error_type');
    this.#latency = new LocalHistogram(registry, {
      name: `${prefix}_latency_seconds`,
      help: 'From arrival to answer of completed calls that were waited for',
      labelNames: [...labelNames, 'version'],
      bounds: SIDE_BOUNDS,
    });
  }

  /** The series of these labels and version; from now on they are exported, from 0. */
  side(labels: readonly string[], version: string): Side {
    const errors = ERROR_TYPES.map((type) => [type, this.#errors.of(...labels, version, type)] as const);
    return {
      assigned: this.#assigned.of(...labels),
      ended: this.#ended.of(...labels, version),
      errors: new Map(errors),
      latency: this.#latency.of(...labels, version),
    };
  }

  /** Removes all series that have these labels. */
  remove(labels: Record<string, string>): void {
    for (const metric of [this.#assigned, this.#ended, this.#errors, this.#latency]) metric.remove(labels);
  }
}
