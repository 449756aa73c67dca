// Open-loop load: calls begin when a seeded Poisson process says so, whatever has become of those before them.
import { exponential, random } from '../bench/random.mjs';
import { sleep } from '../lib/run.mjs';
import { Call, KINDS } from './call.mjs';
import { HttpClient } from './http.mjs';

const PRIORITIES = ['standard', 'standard', 'standard', 'vip', 'low'];
const TENANTS = 10;
/** One in so many requests has a payload that does not fit into its bundle. */
const LARGE_EVERY = 40;
const LARGE_ROWS = 100;

export class Load {
  calls = [];
  #context;
  #options;
  #next;
  #running = new Set();
  #stopped = false;
  #http = new HttpClient();

  /**
   * `options`: `{rate}` (a second), and `{kinds, priorities, patienceMs, attemptMs, maxInFlight}` where the mixture is
   * not the usual one.
   */
  constructor({ cluster, ledger, seed }, options) {
    this.#next = random(seed);
    this.#options = { kinds: KINDS, priorities: PRIORITIES, maxInFlight: 2_000, ...options };
    this.#context = {
      http: this.#http,
      gateways: () => cluster.gateways,
      ledger,
      seed,
      random: this.#next,
      patienceMs: options.patienceMs ?? 75_000,
      attemptMs: options.attemptMs ?? 5_000,
    };
  }

  get inFlight() {
    return this.#running.size;
  }

  /** Offers calls until `stop`, or until `count` of them have begun. */
  async run(count = Infinity) {
    let at = performance.now();
    while (!this.#stopped && this.calls.length < count) {
      at += exponential(this.#next, 1_000 / this.#options.rate);
      const wait = at - performance.now();
      if (wait > 1) await sleep(wait);
      // Bounded, should the platform be away for long.
      while (this.#running.size >= this.#options.maxInFlight && !this.#stopped) await sleep(5);
      this.begin();
    }
  }

  /** Begins one call; `change` overrides what the dice say. */
  begin(change = {}) {
    const n = this.calls.length;
    const { kinds, priorities } = this.#options;
    const pick = (list) => list[Math.floor(this.#next() * list.length)];
    const job = {
      n,
      kind: pick(kinds),
      priority: pick(priorities),
      tenant: `t${Math.floor(this.#next() * TENANTS)}`,
      rows: n % LARGE_EVERY === LARGE_EVERY - 1 ? LARGE_ROWS : 1,
      model: 'simple',
      repeat: this.#next() < 0.2,
      ...change,
    };
    const call = new Call(job, this.#context);
    this.calls.push(call);
    this.#context.ledger.sent += 1;
    const running = call.run().finally(() => this.#running.delete(running));
    this.#running.add(running);
    return { call, running };
  }

  /** When the calls from the `from`th on have ended, all of them: the instants. */
  async drained(from) {
    const calls = this.calls.slice(from);
    while (calls.some(({ endedAt }) => endedAt === undefined)) await sleep(20);
    return calls.map(({ endedAt }) => endedAt);
  }

  /** No new calls; resolves when those under way have been answered or have run out of patience. */
  async stop() {
    this.#stopped = true;
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#http.close();
  }
}

/** The longest time from a kill to the answer of a call that was under way at it, ms, by priority. */
export function recovery(calls, kills) {
  const worst = {};
  for (const { startedAt, endedAt, state, job } of calls) {
    if (state !== 'answered') continue;
    const kill = kills.find((at) => at >= startedAt && at < endedAt);
    if (kill !== undefined)
      worst[job.priority] = Math.max(worst[job.priority] ?? 0, Math.round(endedAt - kill));
  }
  return worst;
}
