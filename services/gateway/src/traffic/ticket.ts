import { httpStatusOf, type AppError } from '@frontier/contracts/errors';
import type { GatewayKpi } from '@frontier/contracts/experiment';
import type { Outcome } from '@frontier/contracts/request';
import { RETRIED, type Side } from './side-metrics.ts';

/** Counts the value of an ended call. `error_rate`: 0 or 1. `latency`: whole microseconds. */
export type EndCount = (kpi: GatewayKpi, value: number) => void;

/**
 * One call that was given to a side, and how it ends for that side, whichever version answered in the end. What says
 * nothing about a version ends for nobody: calls that were wrong, that the queue refused because it is loaded or away,
 * that repeat a key, or whose caller has gone. Those hit all sides alike before anything runs.
 */
export class Ticket {
  readonly #side: Side;
  readonly #count: EndCount;

  constructor(side: Side, count: EndCount = () => {}) {
    this.#side = side;
    this.#count = count;
    side.assigned.value += 1;
  }

  /** The queue did not take it. Two of its reasons are the version's own: nobody serves it, or it is too slow. */
  refused({ code, details = {} }: AppError): void {
    if (details['reason'] === 'unserved') this.#error(code);
    else if (details['predicted_run_ms'] !== undefined) this.#error('TIMEOUT');
  }

  /** `waitedMs`: from arrival to answer; undefined for a job, which may wait as long as it likes. */
  settled({ status, error, failures }: Outcome, waitedMs: number | undefined): void {
    if (status === 'cancelled') return;
    if (status !== 'completed') return this.#failed(error?.code ?? 'INTERNAL_ERROR');
    if (failures) this.#error(RETRIED);
    else this.#answered();
    if (waitedMs === undefined) return;
    this.#side.latency.observe(waitedMs / 1000);
    this.#count('latency', Math.round(1000 * waitedMs));
  }

  /** It had no end by its deadline. */
  lost(): void {
    this.#error('TIMEOUT');
  }

  #failed(code: AppError['code']): void {
    if (code === 'CANCELLED') return;
    if (httpStatusOf(code) >= 500) this.#error(code);
    else this.#answered();
  }

  #answered(): void {
    this.#side.ended.value += 1;
    this.#count('error_rate', 0);
  }

  #error(type: string): void {
    this.#side.ended.value += 1;
    this.#count('error_rate', 1);
    const count = this.#side.errors.get(type);
    if (count) count.value += 1;
  }
}
