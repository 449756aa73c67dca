import { PRIORITIES, type Priority } from '@frontier/contracts/queue';
import {
  BatchGroup,
  type Batchable,
  type BatchRoom,
  type FlushReason,
  type FormedBatch,
} from './batch-group.ts';
import type { FairQueue } from './fair-queue.ts';
import { PriorityShares, type WaitingPriority } from './priority-shares.ts';
import { TenantAccounts } from './tenant-accounts.ts';

export type { Batchable } from './batch-group.ts';

export interface BatchLimits {
  /** Rows, bytes and cost of one execution at most; an item that is larger alone runs alone. */
  maxRows: number;
  maxBytes: number;
  maxCost?: number;
  /** How long an idle worker waits for a fuller batch, ms. */
  windowMs: number;
  /** Of the priority that leads the batch. */
  maxItems: Record<Priority, number>;
  /** A batch goes to a busy worker, as its next one, when an item of the priority has waited this long, ms. */
  flushMs: Record<Priority, number>;
  /** At this age of its oldest item `low` has its greatest weight, ms, above 0. */
  lowOldMs: number;
}

/** A batch that could leave now. */
interface Due<T extends Batchable> extends WaitingPriority {
  readonly group: BatchGroup<T>;
  readonly reason: FlushReason;
}

/** Empty groups are kept for the next item of their key while there are no more groups than these. */
const KEPT_GROUPS = 32;

/**
 * Forms the batches of one model version.
 *
 * Pure: time is an argument. An idle worker never waits unless the model asks for a window; for a busy one that could
 * take its next batch already, a batch leaves when it is full or old. What runs again waits for neither and goes before
 * all that is new. Otherwise a priority leads a batch when {@link PriorityShares} gives it the turn, and inside it, over
 * all keys, the tenant that has used least ({@link FairQueue}); each tenant's items go in order of arrival. Room that
 * the leading priority leaves goes to the others, vip first, and is not charged to them: it would be wasted.
 * Neither items nor rows nor bytes nor cost of a batch exceed their limits.
 */
export class Batcher<T extends Batchable> {
  readonly #limits: BatchLimits;
  readonly #room: Record<Priority, BatchRoom>;
  readonly #groups = new Map<string, BatchGroup<T>>();
  readonly #accounts = {
    vip: new TenantAccounts(),
    standard: new TenantAccounts(),
    low: new TenantAccounts(),
  };
  readonly #shares: PriorityShares;
  /** How long what came last of each priority had waited elsewhere: those before it had, too, about. */
  readonly #waited: Record<Priority, number> = { vip: 0, standard: 0, low: 0 };
  #size = 0;

  constructor(limits: BatchLimits) {
    const { maxItems, maxRows, maxBytes, maxCost = Infinity, lowOldMs } = limits;
    const room = (items: number) => ({ items, rows: maxRows, bytes: maxBytes, cost: maxCost });
    this.#limits = limits;
    this.#room = { vip: room(maxItems.vip), standard: room(maxItems.standard), low: room(maxItems.low) };
    this.#shares = new PriorityShares(lowOldMs);
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    this.#waited[item.priority] = item.waitedMs ?? 0;
    this.#group(item.key).add(item);
    this.#size += 1;
  }

  /** Puts items back, in their order: they go before new work, behind what was put back before. */
  addFirst(items: readonly T[]): void {
    for (const item of items) this.#group(item.key).addFirst(item);
    this.#size += items.length;
  }

  /** False: it is not here (any more). */
  remove(item: T): boolean {
    const group = this.#groups.get(item.key);
    if (!group?.remove(item)) return false;
    this.#size -= 1;
    this.#tidy(group);
    return true;
  }

  /** Tells what an item that was taken has really cost: its tenant's account is corrected. */
  charge({ priority, tenant, cost }: T, measuredCost: number): void {
    this.#accounts[priority].charge(tenant, measuredCost - cost);
  }

  /**
   * The next batch for a worker, which is `idle` or could take one more behind what it runs; undefined: none is due.
   * `mayStart` tells whether another batch that a priority leads may be under way.
   */
  take(
    now: number,
    idle: boolean,
    mayStart: (priority: Priority) => boolean = () => true,
  ): FormedBatch<T> | undefined {
    const due = this.#due(now, idle, mayStart);
    if (due.length === 0) return undefined;
    const priority = this.#shares.pick(due);
    const { group, reason } = due.find((one) => one.priority === priority) as Due<T>;
    const batch = group.take(priority, this.#room[priority], reason);
    this.#shares.charge(priority, batch.charged);
    this.#size -= batch.items.length;
    this.#tidy(group);
    return batch;
  }

  /** When `take` should be asked again, ms, if nothing else happens; undefined: nothing waits that may start. */
  wakeAt(idle: boolean, mayStart: (priority: Priority) => boolean = () => true): number | undefined {
    const { windowMs, flushMs } = this.#limits;
    let wake = Infinity;
    for (const priority of PRIORITIES) {
      if (!mayStart(priority)) continue;
      const wait = idle ? windowMs : flushMs[priority];
      for (const { queues } of this.#groups.values()) wake = Math.min(wake, queues[priority].oldest + wait);
    }
    return wake === Infinity ? undefined : wake;
  }

  /** The batches that could leave now, at most one of each priority; only those that run again, if there are any. */
  #due(now: number, idle: boolean, mayStart: (priority: Priority) => boolean): Due<T>[] {
    const due: Due<T>[] = [];
    let again = false;
    for (const priority of PRIORITIES) {
      const next = mayStart(priority) && this.#dueOf(priority, now, idle);
      if (!next) continue;
      due.push(next);
      again ||= next.reason === 'again';
    }
    return again ? due.filter(({ reason }) => reason === 'again') : due;
  }

  #dueOf(priority: Priority, now: number, idle: boolean): Due<T> | undefined {
    let first: BatchGroup<T> | undefined;
    let reason: FlushReason = 'idle';
    let headAgeMs = 0;
    for (const group of this.#groups.values()) {
      const queue = group.queues[priority];
      if (queue.size === 0) continue;
      const age = now - queue.oldest;
      const flush = this.#reasonToFlush(group, priority, age, idle);
      if (!flush) continue;
      headAgeMs = Math.max(headAgeMs, age + this.#waited[priority]);
      if (first && !goesBefore(queue, first.queues[priority])) continue;
      first = group;
      reason = flush;
    }
    return first && { priority, group: first, reason, headAgeMs };
  }

  #reasonToFlush(
    group: BatchGroup<T>,
    priority: Priority,
    age: number,
    idle: boolean,
  ): FlushReason | undefined {
    const { windowMs, flushMs } = this.#limits;
    if (group.queues[priority].again > 0) return 'again';
    if (group.fills(this.#room[priority])) return 'size';
    if (!idle) return age >= flushMs[priority] ? 'age' : undefined;
    if (windowMs === 0) return 'idle';
    return age >= windowMs ? 'window' : undefined;
  }

  #group(key: string): BatchGroup<T> {
    let group = this.#groups.get(key);
    if (!group) {
      group = new BatchGroup<T>(this.#accounts);
      this.#groups.set(key, group);
    }
    return group;
  }

  #tidy(emptied: BatchGroup<T>): void {
    if (emptied.size > 0 || this.#groups.size <= KEPT_GROUPS) return;
    for (const [key, { size }] of this.#groups) if (size === 0) this.#groups.delete(key);
  }
}

/** Of two keys: what runs again, then whose tenant has used less, then what is older. */
function goesBefore<T extends Batchable>(a: FairQueue<T>, b: FairQueue<T>): boolean {
  if (a.again > 0 !== b.again > 0) return a.again > 0;
  if (a.used !== b.used) return a.used < b.used;
  return a.oldest < b.oldest;
}
