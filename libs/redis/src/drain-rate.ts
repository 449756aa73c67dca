const WINDOW_MS = 10_000;

/** How fast a shard settles requests, from readings of its ever-growing counter. */
export class DrainRate {
  #readings: { at: number; settled: number }[] = [];

  /** `at`: Unix ms by the clock of Redis. Readings may be as rare or frequent as they come. */
  observe(at: number, settled: number): void {
    const last = this.#readings.at(-1);
    // A counter that fell was restarted: what was read before says nothing any more.
    if (last && settled < last.settled) this.#readings = [];
    if (last && at - last.at < 100) return;
    this.#readings.push({ at, settled });
    while (this.#readings.length > 2 && at - (this.#readings[0]?.at ?? at) > WINDOW_MS)
      this.#readings.shift();
  }

  /** Requests a second over the last seconds; undefined before there are two readings. */
  perSecond(): number | undefined {
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    if (!first || !last || last.at <= first.at) return undefined;
    return ((last.settled - first.settled) * 1000) / (last.at - first.at);
  }

  /**
   * Seconds until `excess` requests have drained, with jitter of up to half as much again so that refused callers
   * do not come back together. 1 to 60; nothing measured, or nothing drains: 5 to 7.5.
   */
  retryAfterS(excess: number, random: number): number {
    const rate = this.perSecond();
    const seconds = rate ? Math.min(Math.max(excess / rate, 1), 60) : 5;
    return Math.ceil(seconds * (1 + random / 2));
  }
}
