const FIRST_MS = 500;
const MOST_MS = 10_000;

/**
 * How long to wait before an attempt is repeated, ms: exponential from 0.5 s to 10 s with full jitter (M. Brooker,
 * "Exponential backoff and jitter", AWS, 2015). `failed`: attempts that have failed, from 1; `random`: from 0 up to 1.
 */
export function retryDelayMs(failed: number, random: number): number {
  return random * Math.min(FIRST_MS * 2 ** (failed - 1), MOST_MS);
}

/** Times are ms by one clock. */
export interface RetryQuestion {
  /** Attempts that have failed, and how many there may be in all. */
  readonly failed: number;
  readonly limit: number;
  readonly now: number;
  readonly deadline: number;
  /** The wait before the next attempt. */
  readonly delayMs: number;
}

/** Whether a request has an attempt left that would start before its deadline. */
export function mayRetry({ failed, limit, now, deadline, delayMs }: RetryQuestion): boolean {
  return failed < limit && now + delayMs < deadline;
}

/** Retries that one request allows for. */
const PER_REQUEST = 0.1;
/** Retries a second that are allowed however few requests there are. */
const PER_SECOND = 1;
/** Retries that may be saved up. */
const SAVED = 100;

/**
 * Keeps retries from becoming the load that they are to survive: at most 10 % of the requests, and a few for those who
 * have few requests. A token bucket, as in the AWS SDKs ("retry quota") and the Google SRE book ("retry budget",
 * chapter 21). Times are ms by one clock.
 */
export class RetryBudget {
  #tokens = SAVED;
  #filledAt: number | undefined;

  /** A request was run. */
  onRequest(now: number): void {
    this.#fill(now, PER_REQUEST);
  }

  /** Whether one more retry is allowed; if so, it is counted. */
  take(now: number): boolean {
    this.#fill(now, 0);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #fill(now: number, tokens: number): void {
    const passed = Math.max(now - (this.#filledAt ?? now), 0);
    this.#filledAt = now;
    this.#tokens = Math.min(this.#tokens + tokens + (passed / 1000) * PER_SECOND, SAVED);
  }
}
