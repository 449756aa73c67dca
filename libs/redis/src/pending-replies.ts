import { AppError, toWireError } from '@frontier/contracts/errors';
import type { Settled } from '@frontier/contracts/request';
import { failpoint } from '@frontier/kit/failpoint';
import type { QueueMetrics } from './metrics.ts';

/** A request that has heard nothing for this long is looked up: its reply may have been lost. */
const OVERDUE_MS = 3_000;
const LOOK_EVERY_MS = 1_000;
const LOOKS_AT_ONCE = 256;
/** This long after its deadline nothing more is expected: Redis was away all the time, or has lost the record. */
const GIVE_UP_MS = 60_000;

interface Pending {
  tenant: string;
  settled: Promise<Settled>;
  resolve: (settled: Settled) => void;
  /** Times of `performance.now()`. */
  lookAt: number;
  giveUpAt: number;
  deadline: NodeJS.Timeout | undefined;
}

export interface PendingRepliesOptions {
  /** Ends the request as a timeout, unless it has ended, and gives what its record says then. */
  onDeadline: (id: string, tenant: string) => Promise<Settled | undefined>;
  /** The terminal record, if there is one. */
  poll: (id: string, tenant: string) => Promise<Settled | undefined>;
  metrics: QueueMetrics;
}

/**
 * The requests whose end this gateway waits for. An end comes by the reply stream; one that was lost on its way is
 * found by looking at the record; at its deadline the request is ended here.
 */
export class PendingReplies {
  readonly #options: PendingRepliesOptions;
  readonly #pending = new Map<string, Pending>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PendingRepliesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#lookAtOverdue(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const { deadline } of this.#pending.values()) clearTimeout(deadline);
    this.#pending.clear();
  }

  has(id: string): boolean {
    return this.#pending.has(id);
  }

  /**
   * From now on the end of this request is awaited here, until it has come or somebody forgets it. False: it was
   * awaited already. `timeoutMs`: how long the caller waits at most; the request's own deadline is set by `endAfter`.
   */
  expect(id: string, tenant: string, timeoutMs: number): boolean {
    const now = performance.now();
    const giveUpAt = now + timeoutMs + GIVE_UP_MS;
    const earlier = this.#pending.get(id);
    if (earlier) {
      earlier.giveUpAt = Math.max(earlier.giveUpAt, giveUpAt);
      return false;
    }
    let resolve!: (settled: Settled) => void;
    const settled = new Promise<Settled>((r) => {
      resolve = r;
    });
    this.#pending.set(id, { tenant, settled, resolve, lookAt: now + OVERDUE_MS, giveUpAt, deadline: undefined }); // prettier-ignore
    return true;
  }

  /** The request has this much time left, then it is ended from here. */
  endAfter(id: string, timeoutMs: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    clearTimeout(pending.deadline);
    pending.deadline = setTimeout(() => void this.#onDeadline(id), timeoutMs);
  }

  forget(id: string): void {
    clearTimeout(this.#pending.get(id)?.deadline);
    this.#pending.delete(id);
  }

  settle(id: string, settled: Settled): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.forget(id);
    pending.resolve(settled);
  }

  async wait(id: string, signal?: AbortSignal): Promise<Settled> {
    const pending = this.#pending.get(id);
    if (!pending) throw new AppError('NOT_FOUND', `nobody waits for inference ${id} here`);
    if (!signal) return pending.settled;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(new AppError('CANCELLED', 'the caller has gone'));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      void pending.settled.then((settled) => {
        signal.removeEventListener('abort', onAbort);
        resolve(settled);
      });
    });
  }

  /** Looks at the record now. */
  async look(id: string): Promise<boolean> {
    const pending = this.#pending.get(id);
    if (!pending) return false;
    const settled = await this.#options.poll(id, pending.tenant);
    if (settled) this.settle(id, settled);
    return settled !== undefined;
  }

  async #lookAtOverdue(): Promise<void> {
    const now = performance.now();
    const overdue: string[] = [];
    for (const [id, pending] of this.#pending) {
      if (pending.lookAt > now) continue;
      pending.lookAt = now + OVERDUE_MS;
      if (overdue.push(id) === LOOKS_AT_ONCE) break;
    }
    await Promise.all(
      overdue.map(async (id) => {
        const found = await this.look(id).catch(() => false);
        this.#options.metrics.overduePolls.inc({ found: String(found) });
        if (!found && now > (this.#pending.get(id)?.giveUpAt ?? Infinity)) this.settle(id, LOST);
      }),
    );
  }

  async #onDeadline(id: string): Promise<void> {
    const pending = this.#pending.get(id);
    if (!pending) return;
    const settled = await this.#expire(id, pending.tenant).catch(() => undefined);
    if (settled) return this.settle(id, settled);
    // Redis is away, or a result is just being published: the next look finds it.
    pending.lookAt = 0;
    this.endAfter(id, LOOK_EVERY_MS);
  }

  async #expire(id: string, tenant: string): Promise<Settled | undefined> {
    await failpoint('gateway.deadline.before', id);
    const settled = await this.#options.onDeadline(id, tenant);
    await failpoint('gateway.deadline.after', id);
    return settled;
  }
}

const LOST: Settled = {
  outcome: {
    status: 'timeout',
    model: '',
    version: '',
    error: toWireError(new AppError('TIMEOUT', 'the deadline passed, and nothing is known of an answer')),
  },
  outputs: new Uint8Array(0),
};
