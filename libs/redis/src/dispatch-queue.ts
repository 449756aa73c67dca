import type { Redis } from 'ioredis';
import { AppError, toWireError } from '@frontier/contracts/errors';
import { locOf, type QueuePolicies, type Shard } from '@frontier/contracts/queue';
import type { Settled, TokenChunk } from '@frontier/contracts/request';
import type { Logger } from '@frontier/kit/logger';
import { Committer } from './committer.ts';
import { connect, connectBlocking, disconnect, warnIfNotDurable, whenReady } from './connection.ts';
import type { Replication } from './replication.ts';
import { sendReplies } from './reply-stream.ts';
import { ShardConsumer, type TakenBundle, type TakenRequest } from './shard-consumer.ts';
import { ShardStore } from './shard-store.ts';
import { TokenLog } from './token-log.ts';
import { TOKEN_LOG_MS } from './retention.ts';

export interface DispatchQueueOptions {
  redisUrl: string;
  name: string;
  shards: Shard[];
  policies: QueuePolicies;
  replication: Replication;
  log: Logger;
  onBundle: (bundle: TakenBundle) => Promise<void>;
}

interface ShardSide {
  shard: Shard;
  consumer: ShardConsumer;
  committer: Committer;
  store: ShardStore;
}

const SWEEP_EVERY_MS = 5_000;
/** A gateway ends its own requests at their deadline; the sweeper comes after it. */
const SWEEP_GRACE_MS = 2_000;

/** The durable queue in Redis, as a dispatcher uses it. */
export class DispatchQueue {
  readonly #redis: Redis;
  readonly #blocking: Redis;
  readonly #tokens: TokenLog;
  readonly #log: Logger;
  readonly #sides = new Map<string, ShardSide>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: DispatchQueueOptions) {
    const { redisUrl: url, name, log, policies, replication, onBundle } = options;
    this.#log = log;
    this.#redis = connect({ url, name: `dispatcher:${name}`, log });
    this.#blocking = connectBlocking({ url, name: `dispatcher:${name}:take`, log });
    this.#tokens = new TokenLog(this.#redis);
    for (const shard of options.shards) {
      const policy = policies[shard.priority];
      const shared = { shard, policy, redis: this.#redis, blocking: this.#blocking, log };
      this.#sides.set(locOf(shard), {
        shard,
        consumer: new ShardConsumer({ ...shared, onBundle }),
        committer: new Committer(this.#redis, shard, replication, log),
        store: new ShardStore(this.#redis, shard),
      });
    }
  }

  async start(): Promise<void> {
    await Promise.all([whenReady(this.#redis, 30_000), whenReady(this.#blocking, 30_000)]);
    await warnIfNotDurable(this.#redis, this.#log);
    for (const { consumer } of this.#sides.values()) consumer.start();
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS);
  }

  /** Takes no more, waits for what it holds to end, and leaves. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all([...this.#sides.values()].map(({ consumer }) => consumer.stop()));
    await Promise.all([disconnect(this.#redis), disconnect(this.#blocking)]);
  }

  /** How many bundles each shard's consumer may hold. */
  setConcurrency(bundlesOf: (shard: Shard) => number): void {
    for (const { shard, consumer } of this.#sides.values()) consumer.concurrency = bundlesOf(shard);
  }

  /** Requests outstanding in each (priority, pool), its shards together. */
  async depths(): Promise<{ shard: Shard; depth: number }[]> {
    const depths = new Map<string, { shard: Shard; depth: number }>();
    for (const { shard, store } of this.#sides.values()) {
      const key = `${shard.priority}/${shard.pool}`;
      const depth = (depths.get(key)?.depth ?? 0) + (await this.#redis.zcard(store.keys.outstanding));
      depths.set(key, { shard, depth });
    }
    return [...depths.values()];
  }

  /** True: this is the request's end. False: it had one, or it is another's by now. */
  commit(request: TakenRequest, settled: Settled): Promise<boolean> {
    return this.#side(request).committer.commit(request, settled);
  }

  /** Publishes what a lost holder of the bundle had committed. */
  async republish(requests: readonly TakenRequest[]): Promise<void> {
    if (requests[0]) await this.#side(requests[0]).committer.republish(requests);
  }

  /** What earlier runs of a streaming request have said. */
  readTokens(request: TakenRequest): Promise<TokenChunk[]> {
    return this.#tokens.read(this.#tokenKey(request), request.id);
  }

  async appendTokens(request: TakenRequest, chunks: readonly TokenChunk[]): Promise<void> {
    const keepMs = Math.max(request.localDeadline - Date.now(), 0) + TOKEN_LOG_MS;
    await this.#tokens.append(this.#tokenKey(request), chunks, keepMs);
  }

  async endTokens(request: TakenRequest): Promise<void> {
    await this.#tokens.end(this.#tokenKey(request));
  }

  #tokenKey(request: TakenRequest): string {
    return this.#side(request).store.keys.tokensPrefix + request.ref;
  }

  #side(request: TakenRequest): ShardSide {
    return this.#sides.get(locOf(request.shard)) as ShardSide;
  }

  async #sweep(): Promise<void> {
    for (const { shard, store } of this.#sides.values()) {
      try {
        for (const ref of await store.sweep(SWEEP_GRACE_MS, 100)) await this.#expire(store, ref);
      } catch (error) {
        this.#log.debug(
          { shard: locOf(shard), err: (error as Error).message },
          'sweep failed; it runs again soon',
        );
      }
    }
  }

  async #expire(store: ShardStore, ref: string): Promise<void> {
    const error = toWireError(new AppError('TIMEOUT', 'the deadline passed before there was an answer'));
    const { result, gateways } = await store.settle(ref, { status: 'timeout', error });
    if (result !== 'settled') return;
    const id = ref.slice(ref.indexOf(':') + 1);
    await sendReplies(this.#redis, gateways.map((gateway) => ({ gateway, id, blob: Buffer.alloc(0) }))); // prettier-ignore
  }
}
