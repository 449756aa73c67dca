import { PRIORITIES, type Priority } from '@frontier/contracts/queue';

/** One request, or one step of an ensemble, that waits for its execution. */
export interface Batchable {
  /** Only items of the same key share a batch: same inputs, data types and shapes behind the first dimension. */
  readonly key: string;
  readonly priority: Priority;
  readonly rows: number;
  readonly bytes: number;
  /** When it came here, ms. */
  readonly at: number;
}

export interface BatchLimits {
  /** Rows and bytes of one execution at most; an item that is larger alone runs alone. */
  maxRows: number;
  maxBytes: number;
  /** How long an idle worker waits for a fuller batch, ms. */
  windowMs: number;
  /** Of the priority of the batch's first item. */
  maxItems: Record<Priority, number>;
  /** A batch goes to a busy worker, as its next one, when its first item has waited this long, ms. */
  flushMs: Record<Priority, number>;
}

/** Why a batch left: it was full, a worker was idle, the idle worker's window was over, or its first item was old. */
export type FlushReason = 'size' | 'idle' | 'window' | 'age';

export interface FormedBatch<T> {
  items: T[];
  rows: number;
  reason: FlushReason;
}

interface Group<T> {
  /** First in, first out; one queue a priority, in the order of PRIORITIES. */
  queues: T[][];
}

/**
 * Forms the batches of one model version.
 *
 * Pure: time is an argument. An idle worker never waits unless the model asks for a window; for a busy one that could
 * take its next batch already, a batch leaves when it is full or old. Within a key: vip before standard before low,
 * each in order of arrival. Neither rows nor items nor bytes of a batch exceed their limits.
 */
export class Batcher<T extends Batchable> {
  readonly #limits: BatchLimits;
  readonly #groups = new Map<string, Group<T>>();
  #size = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    this.#queue(item).push(item);
    this.#size += 1;
  }

  /** Puts items back in front, in their order: what a lost worker had goes before new work. */
  addFirst(items: readonly T[]): void {
    for (const item of [...items].reverse()) {
      this.#queue(item).unshift(item);
      this.#size += 1;
    }
  }

  /** False: it is not here (any more). */
  remove(item: T): boolean {
    const queue = this.#groups.get(item.key)?.queues[PRIORITIES.indexOf(item.priority)];
    const at = queue?.indexOf(item) ?? -1;
    if (at < 0) return false;
    queue?.splice(at, 1);
    this.#shrunk(item.key, 1);
    return true;
  }

  /**
   * The next batch for a worker, which is `idle` or could take one more behind what it runs; undefined: none is due.
   * `mayStart` tells whether another batch of a priority may be under way.
   */
  take(
    now: number,
    idle: boolean,
    mayStart: (priority: Priority) => boolean = () => true,
  ): FormedBatch<T> | undefined {
    for (const { key, group } of this.#inOrder(mayStart)) {
      const formed = this.#form(group, mayStart);
      const head = formed.items[0] as T;
      const reason = this.#reasonToFlush(now - head.at, head.priority, formed.full, idle);
      if (!reason) continue;
      for (const queue of group.queues) {
        const taken = formed.items.filter((item) => queue[0] === item && queue.shift()).length;
        this.#size -= taken;
      }
      this.#shrunk(key, 0);
      return { items: formed.items, rows: formed.rows, reason };
    }
    return undefined;
  }

  /** When `take` should be asked again, ms, if nothing else happens; undefined: nothing waits. */
  wakeAt(idle: boolean): number | undefined {
    let wake: number | undefined;
    for (const group of this.#groups.values()) {
      const head = headOf(group, () => true);
      if (!head) continue;
      const at = head.at + (idle ? this.#limits.windowMs : this.#limits.flushMs[head.priority]);
      if (wake === undefined || at < wake) wake = at;
    }
    return wake;
  }

  #reasonToFlush(age: number, priority: Priority, full: boolean, idle: boolean): FlushReason | undefined {
    const { windowMs, flushMs } = this.#limits;
    if (full) return 'size';
    if (!idle) return age >= flushMs[priority] ? 'age' : undefined;
    if (windowMs === 0) return 'idle';
    return age >= windowMs ? 'window' : undefined;
  }

  /** As much of a group as fits into one batch. */
  #form(group: Group<T>, mayStart: (priority: Priority) => boolean) {
    const items: T[] = [];
    let rows = 0;
    let bytes = 0;
    let full = false;
    for (const [rank, queue] of group.queues.entries()) {
      if (items.length === 0 && !mayStart(PRIORITIES[rank] as Priority)) continue;
      for (const item of queue) {
        const { maxRows, maxBytes, maxItems } = this.#limits;
        const most = maxItems[(items[0] ?? item).priority];
        if (items.length > 0 && (rows + item.rows > maxRows || bytes + item.bytes > maxBytes)) {
          return { items, rows, full: true };
        }
        items.push(item);
        rows += item.rows;
        bytes += item.bytes;
        full = items.length >= most || rows >= maxRows || bytes >= maxBytes;
        if (full) return { items, rows, full };
      }
    }
    return { items, rows, full };
  }

  /** Groups by the priority of their first item, then by its age. */
  #inOrder(mayStart: (priority: Priority) => boolean): { key: string; group: Group<T>; head: T }[] {
    const groups: { key: string; group: Group<T>; head: T }[] = [];
    for (const [key, group] of this.#groups) {
      const head = headOf(group, mayStart);
      if (head) groups.push({ key, group, head });
    }
    if (groups.length < 2) return groups;
    return groups.sort((a, b) => rankOf(a.head) - rankOf(b.head) || a.head.at - b.head.at);
  }

  #queue(item: T): T[] {
    let group = this.#groups.get(item.key);
    if (!group) {
      group = { queues: PRIORITIES.map(() => []) };
      this.#groups.set(item.key, group);
    }
    return group.queues[rankOf(item)] as T[];
  }

  #shrunk(key: string, by: number): void {
    this.#size -= by;
    if (this.#groups.get(key)?.queues.every((queue) => queue.length === 0)) this.#groups.delete(key);
  }
}

function rankOf(item: Batchable): number {
  return PRIORITIES.indexOf(item.priority);
}

function headOf<T extends Batchable>(
  group: Group<T>,
  mayStart: (priority: Priority) => boolean,
): T | undefined {
  for (const [rank, queue] of group.queues.entries()) {
    if (queue.length > 0 && mayStart(PRIORITIES[rank] as Priority)) return queue[0];
  }
  return undefined;
}
