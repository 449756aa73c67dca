// Calls that are made once and counted: what a load looks like second by second, from the callers' side.
import { exponential, random } from '../bench/random.mjs';
import { sleep } from '../lib/run.mjs';
import { HttpClient } from './http.mjs';

const TIMEOUT_MS = 70_000;

export class Probe {
  /** `{at (s), tookMs, status, class, retryAfter}` of every call. */
  calls = [];
  #http = new HttpClient();
  #ports;
  #body;
  #startedAt = performance.now();
  #running = new Set();

  /** `body(n)`: the JSON of the n-th call, without its priority. */
  constructor(ports, body) {
    this.#ports = ports;
    this.#body = body;
  }

  get seconds() {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** Open loop: `classes` are `{name, rate, tenant, priority}`, each a Poisson process by itself. */
  async offer(classes, seconds, seed) {
    await Promise.all(classes.map((one, i) => this.#offerOne(one, seconds, random(seed + i))));
  }

  async #offerOne(one, seconds, next) {
    const end = performance.now() + seconds * 1_000;
    for (
      let at = performance.now() + exponential(next, 1_000 / one.rate);
      at < end;
      at += exponential(next, 1_000 / one.rate)
    ) {
      const wait = at - performance.now();
      if (wait > 1) await sleep(wait);
      this.#begin(one, next);
    }
  }

  /** Closed loop: so many at once, for so long. Gives answers a second. */
  async saturate(one, inFlight, seconds) {
    const end = performance.now() + seconds * 1_000;
    const from = this.calls.length;
    const callers = Array.from({ length: inFlight }, async () => {
      while (performance.now() < end) await this.#call(one, Math.random);
    });
    await Promise.all(callers);
    const done = this.calls.slice(from).filter(({ status }) => status === 200);
    return done.length / seconds;
  }

  #begin(one, next) {
    const running = this.#call(one, next).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #call({ name, tenant, priority }, next) {
    const at = this.seconds;
    const startedAt = performance.now();
    const port = this.#ports[Math.floor(next() * this.#ports.length)];
    const body = JSON.stringify({ ...this.#body(), priority });
    let status = 0;
    let retryAfter;
    try {
      const answer = await this.#http.call(port, { method: 'POST', path: '/v1/infer', headers: { 'x-tenant-id': tenant }, body, timeoutMs: TIMEOUT_MS }); // prettier-ignore
      status = answer.status;
      retryAfter = answer.headers['retry-after'];
    } catch {
      // Status 0: no answer.
    }
    this.calls.push({ at, tookMs: performance.now() - startedAt, status, class: name, retryAfter });
  }

  async settle() {
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#http.close();
  }
}

export function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** `[[second, value]]`: calls by the second in which `instant(call)` lies, each second's calls made one value. */
export function perSecond(calls, instant, seconds, valueOf) {
  const buckets = Array.from({ length: Math.ceil(seconds) }, () => []);
  for (const call of calls) buckets[Math.floor(instant(call))]?.push(call);
  return buckets.map((bucket, second) => [second, valueOf(bucket)]);
}
