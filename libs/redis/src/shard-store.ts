import type { RequestView } from '@frontier/contracts/ports';
import type { Shard } from '@frontier/contracts/queue';
import { decodeSettled, encodeSettled, type Outcome, type Settled } from '@frontier/contracts/request';
import type { RedisClient } from './connection.ts';
import { refOf, ShardKeys } from './keys.ts';
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
  readonly #redis: RedisClient;
  readonly #scripts: ShardScripts;

  constructor(redis: RedisClient, shard: Shard) {
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
    const reply = await this.#scripts.call('settle', [ref, blob, outcome.status]);
    const [result, gateways, idem] = reply as [SettleAnswer['result'], string, string];
    // Only an answer keeps the key: who repeats it after a timeout or a cancellation gets a new execution.
    if (idem) await this.#redis.del(idem);
    return { result, gateways: gateways.split(',').filter((gateway) => gateway !== '') };
  }

  /** Lets `gateway` hear of the end. False: it has ended, or is unknown. */
  async attach(ref: string, gateway: string): Promise<boolean> {
    return (await this.#scripts.call('attach', [ref, gateway])) === 'live';
  }

  /** Forgets that `gateway` waits for the end. True: another one may. */
  async detach(ref: string, gateway: string): Promise<boolean> {
    return (await this.#scripts.call('detach', [ref, gateway])) === 1;
  }

  async view(tenant: string, id: string): Promise<RequestView | undefined> {
    const ref = refOf(tenant, id);
    // In this order: a record that is gone has left a terminal one.
    const [record, settled, [seconds, micros]] = await Promise.all([
      this.#redis.hmget(
        this.keys.recordPrefix + ref,
        'state',
        'model',
        'version',
        'deadline',
        'mode',
        'idem',
      ),
      this.terminal(ref),
      this.#redis.time(),
    ]);
    if (settled) {
      const { model, version } = settled.outcome;
      return { id, tenant, model, version, state: 'settled', remainingMs: 0, unattended: true, settled };
    }
    const [state, model, version, deadline, mode, idem] = record;
    // A `settled` record outlives a terminal one that is kept for minutes, while nobody takes its job.
    if (!state || state === 'settled') return undefined;
    return {
      id,
      tenant,
      model: model ?? '',
      version: version ?? '',
      state: state === 'waiting' || state === 'retrying' ? state : 'running',
      // By the clock of Redis, which set the deadline.
      remainingMs: Math.max(Number(deadline) - Number(seconds) * 1000 - Number(micros) / 1000, 0),
      unattended: mode === 'job' || Boolean(idem),
    };
  }

  /** Refs that are overdue by `graceMs` and not settled; shows each again only after a while. */
  async sweep(graceMs: number, limit: number): Promise<string[]> {
    return (await this.#scripts.call('sweep', [graceMs, limit, 30_000])) as string[];
  }
}
