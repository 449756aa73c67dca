import { PRIORITIES, type Priority } from '@frontier/contracts/queue';

/** Of the cost, when all priorities wait and none is old. */
const WEIGHTS: Record<Priority, number> = { vip: 70, standard: 25, low: 5 };
/**
 * How many times its weight `low` has whose first item is as old as it may get. Only `low` gains by age: were all
 * to, an overload would make all old, and vip would no longer come first.
 */
const AGED_LOW = 4;
/** How fast the expected cost of a turn follows the last one. */
const SMOOTHING = 1 / 8;

/** A priority of which something waits. */
export interface WaitingPriority {
  readonly priority: Priority;
  /** Age of its oldest item. */
  readonly headAgeMs: number;
}

/**
 * Which priority goes next: weighted fair queueing (Bennett & Zhang, "Hierarchical packet fair queueing algorithms",
 * WF2Q+, 1997) with ageing. The weight of `low` grows from x1 to x4 as its oldest item's age goes from 0 to
 * `oldMs`; the one that would be through with its turn first goes, so vip is not kept waiting for a share that
 * others have not yet earned. Who comes back from being idle starts as if it had had its share.
 *
 * What waits all the time gets at least its weight / all weights of the cost: vip 70 / (70 + 25 + 20) = 61 %, low 5 / (70 + 25 + 5) =
 * 5 % while it is young and 20 / (70 + 25 + 20) = 17 % when it is old.
 * So low, if it waits, leads one of (70 + 25) / 5 + 5 = 24 batches; with batches of any cost up to C, at most
 * 2 x 19 + 5 = 43 x C is taken before it.
 */
export class PriorityShares {
  readonly #oldMs: number;
  /** Cost / weight that each has had. */
  readonly #used: Record<Priority, number> = { vip: 0, standard: 0, low: 0 };
  /** Weights of those that waited at the last pick; 0: it did not. */
  #weights: Record<Priority, number> = { vip: 0, standard: 0, low: 0 };
  /** What somebody would have used who always had exactly its share. */
  #now = 0;
  #turn = 0;

  /** `oldMs`: at what age of its first item `low` has its greatest weight, above 0. */
  constructor(oldMs: number) {
    this.#oldMs = oldMs;
  }

  /** The priority to take from next; to be followed by `charge`. Throws when nothing waits. */
  pick(waiting: readonly WaitingPriority[]): Priority {
    this.#weigh(waiting);
    let best: Priority | undefined;
    let earliest = Infinity;
    for (const priority of PRIORITIES) {
      const weight = this.#weights[priority];
      if (weight === 0) continue;
      const end = this.#used[priority] + this.#turn / weight;
      if (end >= earliest) continue;
      best = priority;
      earliest = end;
    }
    if (!best) throw new Error('nothing waits');
    return best;
  }

  /** What was taken of a priority by the last pick. */
  charge(priority: Priority, cost: number): void {
    const { vip, standard, low } = this.#weights;
    this.#used[priority] += cost / this.#weights[priority];
    this.#now += cost / (vip + standard + low);
    this.#turn += (cost - this.#turn) * SMOOTHING;
  }

  #weigh(waiting: readonly WaitingPriority[]): void {
    const before = this.#weights;
    this.#weights = { vip: 0, standard: 0, low: 0 };
    let least = Infinity;
    for (const { priority, headAgeMs } of waiting) {
      const age = Math.min(Math.max(headAgeMs / this.#oldMs, 0), 1);
      this.#weights[priority] = WEIGHTS[priority] * (priority === 'low' ? 1 + (AGED_LOW - 1) * age : 1);
      if (before[priority] === 0) this.#used[priority] = Math.max(this.#used[priority], this.#now);
      least = Math.min(least, this.#used[priority]);
    }
    // While all that wait have had more than their share, others' shares were left over: nobody owes them.
    this.#now = Math.max(this.#now, least);
  }
}
