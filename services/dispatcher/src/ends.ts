import { AppError, toWireError } from '@frontier/contracts/errors';
import type { QueuePolicies } from '@frontier/contracts/queue';
import type { FailedAttempt } from '@frontier/contracts/request';
import { mayRetry, RetryBudget, retryDelayMs } from '@frontier/policy/retry';
import type { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenRequest } from '@frontier/redis/taken';
import type { DispatcherMetrics } from './metrics.ts';
import { failed, type RunEnd } from './runner.ts';
import { expired, failure } from './work.ts';

/** How often the dispatcher of a request may be lost before the request is taken for the cause. */
const MAX_CRASHES = 10;

export interface EndsOptions {
  queue: DispatchQueue;
  policies: QueuePolicies;
  metrics: DispatcherMetrics;
}

/** What follows from the end of a run: its terminal record, another attempt, or a dead letter. */
export class Ends {
  readonly #options: EndsOptions;
  readonly #budget = new RetryBudget();

  constructor(options: EndsOptions) {
    this.#options = options;
  }

  /** The end of a request that must not run (again); undefined: it may. */
  refuse(request: TakenRequest): RunEnd | undefined {
    if (request.crashes < MAX_CRASHES) return undefined;
    const error = new AppError('INTERNAL_ERROR', `whoever ran it was lost ${request.crashes} times`);
    return failed(request, failure(error, 'crash'));
  }

  /** Its deadline passed while it waited. */
  expire(request: TakenRequest): Promise<void> {
    return this.conclude(request, failed(request, failure(expired(), 'deadline')));
  }

  /** A gateway has ended them at their deadline. */
  async bury(requests: readonly TakenRequest[]): Promise<void> {
    const { queue, metrics } = this.#options;
    await queue.bury(requests, toWireError(expired()));
    for (const { model } of requests) metrics.died.inc({ model, kind: 'deadline' });
  }

  async conclude(request: TakenRequest, { settled, kind }: RunEnd): Promise<void> {
    const { queue, metrics } = this.#options;
    const { priority } = request.shard;
    this.#budget.onRequest(performance.now());
    const failures = [...(request.failures ?? []), ...attempts(settled.outcome.error, kind)];
    const delayMs = retryDelayMs(failures.length, Math.random());
    if (kind === 'transient' && this.#mayRetry(request, failures.length, delayMs)) {
      metrics.retries.inc({ model: request.model });
      return queue.retry(request, failures, delayMs);
    }
    const isEnd = kind
      ? await queue.fail({ ...request, failures }, kind, settled)
      : await queue.commit(request, settled);
    if (!isEnd) return metrics.refusedCommits.inc();
    metrics.settled.inc({ priority, model: request.model, status: settled.outcome.status });
    if (kind) metrics.died.inc({ model: request.model, kind });
  }

  #mayRetry({ shard, localDeadline }: TakenRequest, failed: number, delayMs: number): boolean {
    const now = performance.now();
    const limit = this.#options.policies[shard.priority].attempts;
    return mayRetry({ failed, limit, now, deadline: localDeadline, delayMs }) && this.#budget.take(now);
  }
}

/** A crash or a deadline is no attempt of the request's own. */
function attempts(error: FailedAttempt['error'] | undefined, kind: RunEnd['kind']): FailedAttempt[] {
  return error && (kind === 'transient' || kind === 'permanent') ? [{ at: Date.now(), error }] : [];
}
