/** Does the work of several items in one call; answers in their order, an Error in place of one that failed alone. */
export type BatchCall<T, R> = (items: T[]) => Promise<(R | Error)[]>;

interface Waiting<T, R> {
  item: T;
  resolve: (value: R) => void;
  reject: (error: Error) => void;
}

export interface CoalescerOptions {
  /** Items in one call at most. */
  max: number;
  /** A second call may be under way when this many items wait. Default: never. */
  secondAt?: number;
}

/**
 * Lets items that arrive while a call is under way travel together in the next one.
 *
 * Idle: an item leaves at the end of the turn in which it came, so nothing waits for company. Loaded: calls grow up
 * to `max`, so the cost of a call is shared by more items the more there are. Items leave in the order they came.
 */
export class Coalescer<T, R> {
  readonly #call: BatchCall<T, R>;
  readonly #max: number;
  readonly #secondAt: number;
  #waiting: Waiting<T, R>[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(call: BatchCall<T, R>, options: CoalescerOptions) {
    this.#call = call;
    this.#max = options.max;
    this.#secondAt = options.secondAt ?? Infinity;
  }

  /** Items that no call has taken yet. */
  get size(): number {
    return this.#waiting.length;
  }

  submit(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  #mayStart(): boolean {
    if (this.#waiting.length === 0) return false;
    return this.#underWay === 0 || (this.#underWay === 1 && this.#waiting.length >= this.#secondAt);
  }

  #schedule(): void {
    if (this.#scheduled || !this.#mayStart()) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#mayStart()) void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const taken = this.#waiting.length <= this.#max ? this.#waiting : this.#waiting.slice(0, this.#max);
    this.#waiting = this.#waiting.length <= this.#max ? [] : this.#waiting.slice(this.#max);
    this.#underWay += 1;
    try {
      const answers = await this.#call(taken.map((waiting) => waiting.item));
      taken.forEach((waiting, i) => {
        const answer = answers[i];
        if (answer instanceof Error) waiting.reject(answer);
        else waiting.resolve(answer as R);
      });
    } catch (error) {
      for (const waiting of taken) waiting.reject(error as Error);
    } finally {
      this.#underWay -= 1;
      this.#schedule();
    }
  }
}
