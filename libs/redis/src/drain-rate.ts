/** How far back readings count. */
const WINDOW_MS = 10_000;
/** A backlog that is younger says nothing yet: a burst is not a queue. */
const KNOWN_AFTER_MS = 500;
/** Between readings this close to each other work is taken to have waited all the time. */
const CLOSE_MS = 100;
/** A rate whose last reading is older says nothing of what comes now. */
const STALE_MS = 2_000;
/** The longest delay before jitter, s: with it 60. */
const LONGEST_S = 40;

/** What an admission found in a shard before it added anything. */
export interface ShardReading {
  /** `performance.now()`. */
  at: number;
  /** Requests ever settled. */
  settled: number;
  /** Requests that wait or run. */
  outstanding: number;
  /** Jobs that wait. */
  backlog: number;
}

/**
 * How fast a shard settles requests while work waits: its capacity, as far as it can be seen from here. What it
 * settles when nothing waits only tells how little there is to do; but that much it can do, also in the second in which a
 * dispatcher is replaced. `floor`: false where others may leave it less than before (`low` beside what is more important).
 */
export class DrainRate {
  readonly #floor: boolean;
  /** Of the backlog that there is now, the oldest first. */
  #readings: ShardReading[] = [];
  #latest: ShardReading | undefined;
  /** Of the last seconds, whether anything waited or not. */
  #lately: ShardReading[] = [];
  #lastKnown = 0;

  constructor({ floor = true } = {}) {
    this.#floor = floor;
  }

  /** Readings may be as rare or frequent as they come. */
  observe(reading: ShardReading): void {
    const before = this.#latest;
    this.#latest = reading;
    this.#note(reading);
    if (!before || !waitedAllTheTime(before, reading)) this.#readings = reading.backlog > 0 ? [reading] : [];
    else if (reading.at - (this.#readings.at(-1) as ShardReading).at >= CLOSE_MS) {
      keep(this.#readings, reading);
      this.#lastKnown = rateOf(this.#readings) || this.#lastKnown;
    }
  }

  #note(reading: ShardReading): void {
    const last = this.#lately.at(-1);
    if (last && reading.settled < last.settled) this.#lately = [];
    else if (last && reading.at - last.at < CLOSE_MS) return;
    keep(this.#lately, reading);
  }

  /** Requests a second over this backlog; 0: there was none until just now, or it is too young to tell. */
  perSecond(now: number): number {
    const [first] = this.#readings;
    const last = this.#readings.at(-1);
    const known = first && last && last.at - first.at >= KNOWN_AFTER_MS && now - last.at <= STALE_MS;
    if (!known) return 0;
    const rate = rateOf(this.#readings);
    return this.#floor ? Math.max(rate, rateOf(this.#lately)) : rate;
  }

  /**
   * Seconds until `excess` requests have drained, with jitter of up to half as much again so that refused callers
   * do not come back together; 1 to 60. By the last rate that was seen; before there was any: 5 to 8.
   */
  retryAfterS(excess: number, random: number): number {
    const seconds = this.#lastKnown > 0 ? excess / this.#lastKnown : 5;
    return Math.ceil(Math.min(Math.max(seconds, 0.5), LONGEST_S) * (1 + random / 2));
  }
}

function keep(readings: ShardReading[], reading: ShardReading): void {
  readings.push(reading);
  while (readings.length > 2 && reading.at - (readings[1] as ShardReading).at > WINDOW_MS) readings.shift();
}

/** Requests a second from the first of these readings to the last. */
function rateOf(readings: readonly ShardReading[]): number {
  const [first] = readings;
  const last = readings.at(-1);
  if (!first || !last || last.at <= first.at) return 0;
  return ((last.settled - first.settled) * 1000) / (last.at - first.at);
}

/**
 * Two readings with a backlog may have had a quiet spell in between. There was none if they are close, or if some of
 * what was outstanding at the first is so still at the second. A counter that fell was restarted.
 */
function waitedAllTheTime(before: ShardReading, after: ShardReading): boolean {
  const settled = after.settled - before.settled;
  if (before.backlog === 0 || after.backlog === 0 || settled < 0) return false;
  return after.at - before.at <= CLOSE_MS || settled < before.outstanding;
}
