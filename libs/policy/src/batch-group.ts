import { PRIORITIES, type Priority } from '@frontier/contracts/queue';
import { FairQueue, type Queued } from './fair-queue.ts';
import type { TenantAccounts } from './tenant-accounts.ts';

/** One request, or one step of an ensemble, that waits for its execution. Nothing of it changes while it waits. */
export interface Batchable extends Queued {
  /** Only items of the same key share a batch: same inputs, data types and shapes behind the first dimension. */
  readonly key: string;
  readonly priority: Priority;
  readonly rows: number;
  readonly bytes: number;
  /** How long it had waited before it came here, ms: part of its age, but not of any window. */
  readonly waitedMs?: number;
}

/** What one batch may hold at most. The first item is taken even if it is larger. */
export interface BatchRoom {
  items: number;
  rows: number;
  bytes: number;
  cost: number;
}

/** Why a batch left: it runs again, was full, a worker was idle, an idle worker's window was over, an item was old. */
export type FlushReason = 'again' | 'size' | 'idle' | 'window' | 'age';

export interface FormedBatch<T> {
  /** First those of the priority that leads. */
  items: T[];
  rows: number;
  bytes: number;
  cost: number;
  /** What the new ones of the leading priority cost. */
  charged: number;
  reason: FlushReason;
}

/** What waits with one key: a queue for each priority, and the totals of all of them. */
export class BatchGroup<T extends Batchable> {
  readonly queues: Record<Priority, FairQueue<T>>;
  #size = 0;
  #rows = 0;
  #bytes = 0;
  #cost = 0;

  /** Groups that share accounts share out among tenants as one. */
  constructor(accounts: Record<Priority, TenantAccounts>) {
    this.queues = {
      vip: new FairQueue(accounts.vip),
      standard: new FairQueue(accounts.standard),
      low: new FairQueue(accounts.low),
    };
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    this.queues[item.priority].push(item);
    this.#count(1, item.rows, item.bytes, item.cost);
  }

  addFirst(item: T): void {
    this.queues[item.priority].pushFront(item);
    this.#count(1, item.rows, item.bytes, item.cost);
  }

  /** False: it is not here (any more). */
  remove(item: T): boolean {
    const removed = this.queues[item.priority].remove(item);
    if (removed) this.#count(-1, -item.rows, -item.bytes, -item.cost);
    return removed;
  }

  /** Whether a batch would be full: an item is left that does not fit, or none would fit any more. */
  fills(room: BatchRoom): boolean {
    return (
      this.#size >= room.items ||
      this.#rows >= room.rows ||
      this.#bytes >= room.bytes ||
      this.#cost >= room.cost
    );
  }

  /** Takes a batch: of `lead` what fits, then of the others. */
  take(lead: Priority, room: BatchRoom, reason: FlushReason): FormedBatch<T> {
    const batch: FormedBatch<T> = { items: [], rows: 0, bytes: 0, cost: 0, charged: 0, reason };
    this.#fill(batch, this.queues[lead], room, 1);
    for (const priority of PRIORITIES) {
      if (priority !== lead) this.#fill(batch, this.queues[priority], room, 0);
    }
    this.#count(-batch.items.length, -batch.rows, -batch.bytes, -batch.cost);
    return batch;
  }

  /** Takes up to the first item that does not fit. */
  #fill(batch: FormedBatch<T>, queue: FairQueue<T>, room: BatchRoom, charge: 0 | 1): void {
    while (queue.size > 0 && batch.items.length < room.items) {
      const item = queue.peek() as T;
      if (batch.items.length > 0 && !fits(batch, item, room)) break;
      if (queue.again === 0) batch.charged += charge * item.cost;
      queue.shift();
      batch.items.push(item);
      batch.rows += item.rows;
      batch.bytes += item.bytes;
      batch.cost += item.cost;
    }
  }

  #count(items: number, rows: number, bytes: number, cost: number): void {
    this.#size += items;
    this.#rows += rows;
    this.#bytes += bytes;
    // Sums of fractions do not always come back to nothing.
    this.#cost = this.#size === 0 ? 0 : this.#cost + cost;
  }
}

function fits<T extends Batchable>(batch: FormedBatch<T>, item: T, room: BatchRoom): boolean {
  return (
    batch.rows + item.rows <= room.rows &&
    batch.bytes + item.bytes <= room.bytes &&
    batch.cost + item.cost <= room.cost
  );
}
