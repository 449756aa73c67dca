import type { Redis } from 'ioredis';
import type { RequestView } from '@frontier/contracts/ports';
import type { Shard } from '@frontier/contracts/queue';
import { decodeSettled, encodeSettled, type Outcome, type Settled } from '@frontier/contracts/request';
import { MAIN_QUEUE, refOf, ShardKeys } from './keys.ts';
import { PLAIN_RESULT_MS } from './retention.ts';
import { ShardScripts } from './scripts.ts';

/** What a settle found: it ended the request, or another end was there or is about to be. */
export interface SettleAnswer {
  result: 'settled' | 'committed' | 'terminal' | 'unknown';
  /** Gateways that wait for the end; only of `settled`. */
  gateways: string[];
}

/** Reads and ends the records of one shard, for whoever does not run them. */
export class ShardStore {
  readonly keys: ShardKeys;
  readonly #redis: Redis;
  readonly #scripts: ShardScripts;

  constructor(redis: Redis, shard: Shard) {
    this.#redis = redis;
    this.keys = new ShardKeys(shard);
    this.#scripts = new ShardScripts(redis, this.keys);
  }

  async terminal(ref: string): Promise<Settled | undefined> {
    const blob = await this.#redis.getBuffer(this.keys.terminalPrefix + ref);
    return blob ? decodeSettled(blob) : undefined;
  }

  /** Ends a request unless it has ended. `ref` is `<tenant>:<id>`. */
  async settle(ref: string, outcome: Omit<Outcome, 'model' | 'version'>): Promise<SettleAnswer> {
    const [model, version] = await this.#redis.hmget(this.keys.recordPrefix + ref, 'model', 'version');
    const blob = encodeSettled({
      outcome: { ...outcome, model: model ?? '', version: version ?? '' },
      outputs: new Uint8Array(0),
    });
    const reply = await this.#scripts.call('settle', [MAIN_QUEUE, ref, blob, PLAIN_RESULT_MS]);
    const [result, gateways, idem] = reply as [SettleAnswer['result'], string, string];
    // Only an answer keeps the key: who repeats it after a timeout or a cancellation gets a new execution.
    if (idem) await this.#redis.del(idem);
    return { result, gateways: gateways ? gateways.split(',') : [] };
  }

  /** Lets `gateway` hear of the end. False: it has ended, or is unknown. */
  async attach(ref: string, gateway: string): Promise<boolean> {
    return (await this.#scripts.call('attach', [ref, gateway])) === 'live';
  }

  async view(tenant: string, id: string): Promise<RequestView | undefined> {
    const ref = refOf(tenant, id);
    const [settled, record] = await Promise.all([
      this.terminal(ref),
      this.#redis.hmget(this.keys.recordPrefix + ref, 'state', 'model', 'version', 'deadline'),
    ]);
    if (settled) {
      const { model, version } = settled.outcome;
      return { id, tenant, model, version, state: 'settled', deadline: 0, settled };
    }
    const [state, model, version, deadline] = record;
    if (!state) return undefined;
    return {
      id,
      tenant,
      model: model ?? '',
      version: version ?? '',
      state: state === 'waiting' ? 'waiting' : 'running',
      deadline: Number(deadline),
    };
  }

  /** Refs that are overdue by `graceMs` and not settled; shows each again only after a while. */
  async sweep(graceMs: number, limit: number): Promise<string[]> {
    return (await this.#scripts.call('sweep', [MAIN_QUEUE, graceMs, limit, 30_000])) as string[];
  }
}
