import type { LeaseStore } from '@frontier/contracts/registry';
import { sleep, withTimeout } from '@frontier/kit/abort';
import type { Logger } from '@frontier/kit/logger';

/** Aborted as soon as somebody else may be the leader. */
export interface Term {
  signal: AbortSignal;
  /** Asked right before each act: also false after this process was frozen for longer than its lease. */
  mayAct: () => boolean;
}

export interface LeaderOptions {
  leases: LeaseStore;
  name: string;
  holder: string;
  forMs: number;
  log: Logger;
  /** Runs while this process leads; a term ends when its signal is aborted. */
  lead: (term: Term) => Promise<void>;
}

/**
 * Holds a lease or waits for it. Its end is judged here by the monotonic clock from before the call that renewed it,
 * so this process stops before the database lets another one start.
 */
export class Leader {
  readonly #options: LeaderOptions;
  #term: { abort: AbortController; work: Promise<void> } | undefined;
  #heldAt = -Infinity;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  get leading(): boolean {
    return this.#term !== undefined && this.#valid();
  }

  /** Returns when the signal is aborted; then the lease is free again. */
  async run(signal: AbortSignal): Promise<void> {
    const { leases, name, holder, forMs } = this.#options;
    do {
      await this.#renew();
      if (!this.#valid()) await this.#end();
    } while (await sleep(forMs / 4, signal));
    await this.#end();
    await withTimeout(leases.release(name, holder), forMs, new Error('the lease was not released')).catch(
      () => undefined,
    );
  }

  async #renew(): Promise<void> {
    const { leases, name, holder, forMs, log } = this.#options;
    const at = performance.now();
    try {
      const held = await withTimeout(leases.hold(name, holder, forMs), forMs / 2, new Error('no answer'));
      // Whoever looked while it had run out has stopped acting and does not begin again by itself.
      if (!this.#valid()) await this.#end();
      this.#heldAt = held ? at : -Infinity;
      if (held) this.#begin();
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be renewed');
    }
  }

  #begin(): void {
    if (this.#term) return;
    const { log, lead } = this.#options;
    const abort = new AbortController();
    log.info('leading');
    const work = lead({ signal: abort.signal, mayAct: () => !abort.signal.aborted && this.#valid() });
    this.#term = { abort, work };
  }

  #valid(): boolean {
    return performance.now() - this.#heldAt < this.#options.forMs * 0.8;
  }

  async #end(): Promise<void> {
    if (!this.#term) return;
    const { abort, work } = this.#term;
    this.#term = undefined;
    this.#options.log.warn('not leading any more');
    abort.abort();
    await work;
  }
}
