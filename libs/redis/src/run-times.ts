import type { Outcome } from '@frontier/contracts/request';

/** What a model needed longer ago says nothing of today. */
const EXPIRES_MS = 30_000;
/** One run alone may have been an odd one, for example the first after a start. */
const ENOUGH_RUNS = 3;
const MAX_VERSIONS = 1_000;

interface Runs {
  fastestMs: number;
  runs: number;
  lastAt: number;
}

/** The fastest recent run of each version of a model: nothing is faster, so what has less time left is refused. */
export class RunTimes {
  readonly #versions = new Map<string, Runs>();

  /** `now`: `performance.now()`. */
  observe({ status, model, version, timing }: Outcome, now: number): void {
    if (status !== 'completed' || !timing) return;
    // Not `forming`: that is waiting, for a worker that is busy or gone.
    const ms = timing.transport + timing.compute;
    const key = `${model}@${version}`;
    const runs = this.#versions.get(key);
    if (runs && now - runs.lastAt <= EXPIRES_MS) {
      runs.fastestMs = Math.min(runs.fastestMs, ms);
      runs.runs += 1;
      runs.lastAt = now;
      return;
    }
    this.#versions.delete(key);
    // The oldest first; which one goes does not matter, since a full map is not expected.
    if (this.#versions.size >= MAX_VERSIONS)
      this.#versions.delete(this.#versions.keys().next().value as string);
    this.#versions.set(key, { fastestMs: ms, runs: 1, lastAt: now });
  }

  /** Milliseconds; 0: not known. */
  fastestMs(model: string, version: string, now: number): number {
    const runs = this.#versions.get(`${model}@${version}`);
    return runs && runs.runs >= ENOUGH_RUNS && now - runs.lastAt <= EXPIRES_MS ? runs.fastestMs : 0;
  }
}
