import type { ExperimentReport } from '@frontier/contracts/experiment';
import type { TrafficView } from '@frontier/contracts/ports';
import type { ModelTraffic, ShadowReport } from '@frontier/contracts/traffic';
import type { Logger } from '@frontier/kit/logger';
import { connect, connectBlocking, disconnect, whenReady, type RedisClient } from './connection.ts';
import { addExperiment } from './experiments.ts';
import { addShadow } from './traffic-shadow.ts';
import { TRAFFIC, trafficIn, trafficPoll } from './traffic.ts';

const POLL_MS = 250;
/** What is obeyed is said again, so that it is known who is still there. */
const SAY_MS = 1_000;
/** Older knowledge may be wrong: a rollback has to be in force a second after its verdict. */
const FRESH_MS = 1_000;

export interface TrafficWatchOptions {
  redisUrl: string;
  /** Under which it tells the controller what it obeys; unique. Empty: it only reads. */
  name: string;
  log: Logger;
  /** Of each record that is newer than the one known, at the start of all. */
  onChange?: (record: ModelTraffic) => void;
}

/**
 * The traffic records, as a process that obeys them knows them: each change is heard at once, and what was not heard
 * is found by a poll. A record is replaced only by one of a higher epoch, whichever way that came.
 */
export class TrafficWatch implements TrafficView {
  readonly #name: string;
  readonly #redis: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #ask: ReturnType<typeof trafficPoll>;
  readonly #onChange: (record: ModelTraffic) => void;
  readonly #records = new Map<string, ModelTraffic>();
  #version = '';
  #epochs = '{}';
  /** What the others know of that, and since when. */
  #said = '{}';
  #saidAt = -Infinity;
  #polledAt = -Infinity;
  #polling = false;
  /** Something was heard during a poll, which has not told what is obeyed now. */
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ redisUrl: url, name, log, onChange = () => {} }: TrafficWatchOptions) {
    this.#name = name;
    this.#onChange = onChange;
    this.#redis = connect({ url, name: `traffic:${name}`, log });
    this.#subscriber = connectBlocking({ url, name: `traffic:${name}:changes`, log });
    this.#ask = trafficPoll(this.#redis);
    this.#subscriber.on('message', (_channel: string, json: string) => this.#hear(json));
  }

  /** Resolves when the records are known. */
  async start(): Promise<void> {
    await whenReady(this.#redis, 30_000);
    // Not waited for: the poll finds what is published before it is in force.
    this.#subscriber.subscribe(TRAFFIC).catch(() => undefined);
    await this.#poll();
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#subscriber.disconnect();
    await disconnect(this.#redis);
  }

  get(model: string): ModelTraffic | undefined {
    return this.#records.get(model);
  }

  /** Whether what is known was in force less than a second before `now` (`performance.now()`). */
  fresh(now: number): boolean {
    return now - this.#polledAt < FRESH_MS;
  }

  /** Adds what this process has found about a shadow. */
  reportShadow(id: string, report: ShadowReport): Promise<void> {
    return addShadow(this.#redis, id, report);
  }

  /** Adds what this process has counted of an experiment. */
  reportExperiment(id: string, report: ExperimentReport): Promise<void> {
    return addExperiment(this.#redis, id, report);
  }

  #hear(json: string): void {
    const record = trafficIn(json);
    if (!record || !this.#apply(record)) return;
    // At once, so that it is known that this is obeyed.
    if (this.#polling) this.#again = true;
    else void this.#poll();
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    do {
      this.#again = false;
      const began = performance.now();
      try {
        const says = this.#epochs !== this.#said || (began - this.#saidAt > SAY_MS && this.#records.size > 0);
        const epochs = this.#epochs;
        const { version, records } = await this.#ask(this.#version, says ? this.#name : '', epochs);
        if (says) [this.#said, this.#saidAt] = [epochs, began];
        for (const record of records) if (this.#apply(record)) this.#again = true;
        this.#version = version;
        this.#polledAt = began;
      } catch {
        // The connection's handler logs it; soon nothing here is fresh.
      }
    } while (this.#again);
    this.#polling = false;
  }

  #apply(record: ModelTraffic): boolean {
    const known = this.#records.get(record.model);
    if (known && known.epoch >= record.epoch) return false;
    this.#records.set(record.model, record);
    this.#epochs = JSON.stringify(Object.fromEntries([...this.#records].map(([model, { epoch }]) => [model, epoch]))); // prettier-ignore
    this.#onChange(record);
    return true;
  }
}
