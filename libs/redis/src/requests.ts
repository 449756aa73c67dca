import { AppError, toWireError } from '@frontier/contracts/errors';
import type { RequestView } from '@frontier/contracts/ports';
import { locOf, shardOfId, type Shard } from '@frontier/contracts/queue';
import type { Outcome, Settled, TokenChunk } from '@frontier/contracts/request';
import { sleep } from '@frontier/kit/abort';
import type { RedisClient } from './connection.ts';
import { refOf } from './keys.ts';
import { sendReplies } from './reply-stream.ts';
import { ShardStore, type SettleAnswer } from './shard-store.ts';
import { TokenLog } from './token-log.ts';

type End = Omit<Outcome, 'model' | 'version'>;

const CANCELLED: End = {
  status: 'cancelled',
  error: toWireError(new AppError('CANCELLED', 'the request was cancelled')),
};
const TIMED_OUT: End = {
  status: 'timeout',
  error: toWireError(new AppError('TIMEOUT', 'the deadline passed before there was an answer')),
};
/** How long a result that is being replicated is waited for by who wanted to cancel it. */
const PUBLISH_MS = 2_000;
const LOOK_EVERY_MS = 50;

/** The records of all shards by inference id, as a gateway reads and ends them. Takes only what is an id. */
export class Requests {
  readonly #redis: RedisClient;
  readonly #gateway: string;
  readonly #onEnd: (id: string, settled: Settled) => void;
  readonly #tokens: TokenLog;
  readonly #stores = new Map<string, ShardStore>();

  /** `onEnd`: hears of what is ended here. */
  constructor(redis: RedisClient, gateway: string, onEnd: (id: string, settled: Settled) => void) {
    this.#redis = redis;
    this.#gateway = gateway;
    this.#onEnd = onEnd;
    this.#tokens = new TokenLog(redis);
  }

  view(id: string, tenant: string): Promise<RequestView | undefined> {
    return this.#store(id).view(tenant, id);
  }

  terminal(id: string, tenant: string): Promise<Settled | undefined> {
    return this.#store(id).terminal(refOf(tenant, id));
  }

  tokens(id: string, tenant: string, offset: number): Promise<TokenChunk[]> {
    return this.#tokens.read(this.#store(id).keys.tokensPrefix + refOf(tenant, id), id, offset);
  }

  /** This gateway is told of the end from now on, unless it has come. */
  async attach(id: string, tenant: string): Promise<void> {
    await this.#store(id).attach(refOf(tenant, id), this.#gateway);
  }

  /** This gateway need not be told any more. True: another one still waits. */
  detach(id: string, tenant: string): Promise<boolean> {
    return this.#store(id).detach(refOf(tenant, id), this.#gateway);
  }

  /** Ends it as a timeout unless it has ended; what its record says then, undefined while a result is on its way. */
  async timeOut(id: string, tenant: string): Promise<Settled | undefined> {
    return (await this.#end(id, tenant, TIMED_OUT)).settled;
  }

  /** Ends it as cancelled unless it has ended; what its record says then, undefined if there is none. */
  async cancel(id: string, tenant: string): Promise<Settled | undefined> {
    const { result, settled } = await this.#end(id, tenant, CANCELLED);
    return result === 'committed' ? this.#published(id, tenant) : settled;
  }

  async #end(
    id: string,
    tenant: string,
    end: End,
  ): Promise<{ result: SettleAnswer['result']; settled: Settled | undefined }> {
    const store = this.#store(id);
    const ref = refOf(tenant, id);
    const { result, gateways } = await store.settle(ref, end);
    const settled = await store.terminal(ref);
    if (result === 'settled' && settled) {
      const others = gateways.filter((gateway) => gateway !== this.#gateway);
      await sendReplies(this.#redis, others.map((gateway) => ({ gateway, id, blob: Buffer.alloc(0) }))); // prettier-ignore
      this.#onEnd(id, settled);
    }
    return { result, settled };
  }

  /** A result that came first, as soon as it may be seen. Throws UNAVAILABLE while replicas do not take it. */
  async #published(id: string, tenant: string): Promise<Settled> {
    const giveUpAt = performance.now() + PUBLISH_MS;
    do {
      const settled = await this.terminal(id, tenant);
      if (settled) return settled;
      await sleep(LOOK_EVERY_MS);
    } while (performance.now() < giveUpAt);
    throw new AppError('UNAVAILABLE', 'it has a result, which is being replicated; ask again', {
      retryAfterS: 1 + Math.random(),
    });
  }

  #store(id: string): ShardStore {
    const shard = shardOfId(id) as Shard;
    const loc = locOf(shard);
    let store = this.#stores.get(loc);
    if (!store) {
      store = new ShardStore(this.#redis, shard);
      this.#stores.set(loc, store);
    }
    return store;
  }
}
