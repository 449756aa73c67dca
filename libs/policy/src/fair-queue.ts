import { Heap } from './heap.ts';
import type { Account, TenantAccounts } from './tenant-accounts.ts';

export interface Queued {
  readonly tenant: string;
  /** Predicted, 0 or more, in any unit. */
  readonly cost: number;
  /** When it came, ms. A tenant's items come in the order of their times. */
  readonly at: number;
}

/** What one tenant has waiting: first in, first out. */
interface Line<T> {
  readonly tenant: string;
  readonly items: T[];
  /** Undefined: it has no place in the order. */
  account: Account | undefined;
  /** What its account said when it was last put into its place. */
  used: number;
  /** Breaks ties: who was put into place first. */
  turn: number;
}

/** Empty lines are kept for the tenant's next item while there are no more lines than these. */
const KEPT_LINES = 64;

/**
 * What waits in one priority, shared out among tenants by cost.
 *
 * Deficit round robin (Shreedhar & Varghese, "Efficient fair queueing using deficit round robin", 1996) without its
 * quantum: rather than going round and granting each tenant some cost, the next turn is that of the tenant that has
 * used least (Goyal, Vin & Cheng, "Start-time fair queueing", 1996). With equal costs that is a plain round robin. Any
 * two tenants that both wait all the time get the same cost, give or take one item of each; who waits alone gets all.
 * Tenants lie in a heap: operations take log(tenants), `remove` also the tenant's own waiting items.
 *
 * Items put in front go before all that, in the order in which they were put there, and are not charged: they were
 * when they were first taken.
 */
export class FairQueue<T extends Queued> {
  readonly #accounts: TenantAccounts;
  readonly #front: T[] = [];
  readonly #lines = new Map<string, Line<T>>();
  /** Places may be outdated, as others charge the accounts and items are removed: `#next` mends that. */
  readonly #order = new Heap<Line<T>>(before);
  #turns = 0;
  #size = 0;
  #oldest = Infinity;
  #oldestKnown = true;

  /** Queues that share accounts share out among tenants as one. */
  constructor(accounts: TenantAccounts) {
    this.#accounts = accounts;
  }

  get size(): number {
    return this.#size;
  }

  /** Items in front: what runs again. */
  get again(): number {
    return this.#front.length;
  }

  /** When the oldest item came; Infinity: there is none. */
  get oldest(): number {
    if (!this.#oldestKnown) {
      this.#oldestKnown = true;
      this.#oldest = Infinity;
      for (const { at } of this.#front) this.#oldest = Math.min(this.#oldest, at);
      for (const { items } of this.#order.items)
        this.#oldest = Math.min(this.#oldest, items[0]?.at ?? Infinity);
    }
    return this.#oldest;
  }

  /** What the tenant whose turn it is has used; Infinity: there is none. */
  get used(): number {
    return this.#next()?.used ?? Infinity;
  }

  push(item: T): void {
    let line = this.#lines.get(item.tenant);
    if (!line) {
      line = { tenant: item.tenant, items: [], account: undefined, used: 0, turn: 0 };
      this.#lines.set(item.tenant, line);
    }
    line.items.push(item);
    if (!line.account) this.#open(line);
    this.#added(item);
  }

  /** Before all that is new, behind what was put there before. */
  pushFront(item: T): void {
    this.#front.push(item);
    this.#added(item);
  }

  peek(): T | undefined {
    return this.#front.length > 0 ? this.#front[0] : this.#next()?.items[0];
  }

  shift(): T | undefined {
    const item = this.#front.length > 0 ? this.#front.shift() : this.#shiftLine();
    if (item) this.#removed(item);
    return item;
  }

  /** False: it is not here (any more). */
  remove(item: T): boolean {
    const line = this.#lines.get(item.tenant);
    if (!cut(this.#front, item) && !(line && cut(line.items, item))) return false;
    this.#removed(item);
    // A line that became empty leaves the order when its turn comes; the last ones do now.
    if (this.#size === 0) this.#next();
    return true;
  }

  #shiftLine(): T | undefined {
    const line = this.#next();
    const item = line?.items.shift();
    if (!line?.account || !item) return undefined;
    this.#accounts.take(line.account, item.cost);
    if (line.items.length === 0) this.#close(line);
    else this.#place(line, line.account);
    return item;
  }

  /** The line whose turn it is. */
  #next(): Line<T> | undefined {
    for (;;) {
      const line = this.#order.first;
      if (!line?.account) return undefined;
      if (line.items.length === 0) this.#close(line);
      else if (line.used < line.account.used) this.#place(line, line.account);
      else return line;
    }
  }

  #open(line: Line<T>): void {
    line.account = this.#accounts.open(line.tenant);
    line.used = line.account.used;
    line.turn = this.#turn();
    this.#order.push(line);
  }

  /** The first line gets the place that its account says. */
  #place(line: Line<T>, account: Account): void {
    line.used = account.used;
    line.turn = this.#turn();
    this.#order.sinkFirst();
  }

  /** The first line leaves the order. */
  #close(line: Line<T>): void {
    if (line.account) this.#accounts.close(line.account);
    line.account = undefined;
    this.#order.removeFirst();
    if (this.#lines.size > KEPT_LINES) this.#lines.delete(line.tenant);
  }

  #turn(): number {
    this.#turns += 1;
    return this.#turns;
  }

  #added(item: T): void {
    this.#size += 1;
    if (item.at < this.#oldest) this.#oldest = item.at;
  }

  #removed(item: T): void {
    this.#size -= 1;
    if (item.at <= this.#oldest) this.#oldestKnown = false;
  }
}

function before<T>(a: Line<T>, b: Line<T>): boolean {
  return a.used < b.used || (a.used === b.used && a.turn < b.turn);
}

function cut<T>(items: T[], item: T): boolean {
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
  return at >= 0;
}
