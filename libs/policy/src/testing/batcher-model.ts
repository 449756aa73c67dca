import type { Priority } from '@frontier/contracts/queue';
import type { Batchable, BatchLimits } from '../batcher.ts';

export const sumOf = (items: readonly Batchable[], what: 'rows' | 'bytes' | 'cost') =>
  items.reduce((total, item) => total + item[what], 0);

/** What a batcher has, written down as simply as can be: slow, and leaving open whose turn it is. */
export class BatcherModel<T extends Batchable> {
  readonly #limits: BatchLimits;
  /** What was put back, in that order. */
  #again: T[] = [];
  /** The rest, in order of arrival. */
  #fresh: T[] = [];

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get all(): T[] {
    return [...this.#again, ...this.#fresh];
  }

  add(item: T): void {
    this.#fresh.push(item);
  }

  addFirst(items: readonly T[]): void {
    this.#again.push(...items);
  }

  remove(item: T): void {
    this.#again = this.#again.filter((other) => other !== item);
    this.#fresh = this.#fresh.filter((other) => other !== item);
  }

  /** Items any of which may be the next one of a key and priority: the first put back, else the first of each tenant. */
  heads(key: string, priority: Priority): T[] {
    const mine = (item: T) => item.key === key && item.priority === priority;
    const again = this.#again.filter(mine);
    if (again.length > 0) return again.slice(0, 1);
    const fresh = this.#fresh.filter(mine);
    return fresh.filter((item) => fresh.find(({ tenant }) => tenant === item.tenant) === item);
  }

  /** Why a batch with this key that this priority leads must leave now; undefined: it must not. */
  reason(key: string, priority: Priority, now: number, idle: boolean): string | undefined {
    const { maxRows, maxBytes, maxCost = Infinity, maxItems, windowMs, flushMs } = this.#limits;
    const group = this.all.filter((item) => item.key === key);
    const mine = group.filter((item) => item.priority === priority);
    if (mine.length === 0) return undefined;
    if (this.#again.some((item) => mine.includes(item))) return 'again';
    const full = group.length >= maxItems[priority] || sumOf(group, 'rows') >= maxRows;
    if (full || sumOf(group, 'bytes') >= maxBytes || sumOf(group, 'cost') >= maxCost) return 'size';
    const age = now - Math.min(...mine.map(({ at }) => at));
    if (!idle) return age >= flushMs[priority] ? 'age' : undefined;
    if (windowMs === 0) return 'idle';
    return age >= windowMs ? 'window' : undefined;
  }

  /** The reasons of all batches that must leave now. */
  reasons(now: number, idle: boolean, startable: readonly Priority[]): string[] {
    const keys = [...new Set(this.all.map(({ key }) => key))];
    return keys.flatMap((key) =>
      startable.flatMap((priority) => this.reason(key, priority, now, idle) ?? []),
    );
  }
}
