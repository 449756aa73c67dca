import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { AppError, toWireError } from '@frontier/contracts/errors';
import type { InferenceQueue, RequestView, Submission } from '@frontier/contracts/ports';
import { locOf, shardOfId, type QueuePolicies, type Shard } from '@frontier/contracts/queue';
import { decodeSettled, type NewRequest, type Outcome, type Settled, type TokenChunk } from '@frontier/contracts/request'; // prettier-ignore
import type { Logger } from '@frontier/kit/logger';
import { connect, connectBlocking, disconnect, warnIfNotDurable, whenReady } from './connection.ts';
import { idempotencyKey, refOf } from './keys.ts';
import { queueMetrics, type QueueMetrics } from './metrics.ts';
import { PendingReplies } from './pending-replies.ts';
import type { Replication } from './replication.ts';
import { ReplyReader, sendReplies } from './reply-stream.ts';
import { KEPT_RESULT_MS } from './retention.ts';
import { ShardProducer } from './shard-producer.ts';
import { ShardStore } from './shard-store.ts';
import { TokenLog } from './token-log.ts';

export interface InferenceQueueOptions {
  redisUrl: string;
  /** Unique among all gateways, also over restarts. */
  gatewayId: string;
  policies: QueuePolicies;
  replication: Replication;
  /** Bytes of results of jobs and keyed calls that a tenant may have kept in each shard. */
  keptBytes: number;
  log: Logger;
  registry: Registry;
}

const CANCELLED: Omit<Outcome, 'model' | 'version'> = {
  status: 'cancelled',
  error: toWireError(new AppError('CANCELLED', 'the request was cancelled')),
};
const TIMED_OUT: Omit<Outcome, 'model' | 'version'> = {
  status: 'timeout',
  error: toWireError(new AppError('TIMEOUT', 'the deadline passed before there was an answer')),
};

/** The durable queue in Redis, as a gateway uses it. */
export class RedisInferenceQueue implements InferenceQueue {
  readonly #options: InferenceQueueOptions;
  readonly #redis: Redis;
  readonly #reader: ReplyReader;
  readonly #pending: PendingReplies;
  readonly #metrics: QueueMetrics;
  readonly #tokens: TokenLog;
  readonly #producers = new Map<string, ShardProducer>();
  readonly #stores = new Map<string, ShardStore>();

  constructor(options: InferenceQueueOptions) {
    this.#options = options;
    const { redisUrl: url, gatewayId, log } = options;
    this.#redis = connect({ url, name: `gateway:${gatewayId}`, log });
    this.#metrics = queueMetrics(options.registry);
    this.#tokens = new TokenLog(this.#redis);
    this.#pending = new PendingReplies({
      onDeadline: (id, tenant) => this.#end(id, tenant, TIMED_OUT),
      poll: (id, tenant) => this.#terminal(id, tenant),
      metrics: this.#metrics,
    });
    const blocking = connectBlocking({ url, name: `gateway:${gatewayId}:replies`, log });
    this.#reader = new ReplyReader(blocking, gatewayId, (id, blob) => this.#onReply(id, blob));
    this.#redis.on('ready', () => this.#metrics.redisReady.set(1));
    this.#redis.on('close', () => this.#metrics.redisReady.set(0));
  }

  async start(): Promise<void> {
    await whenReady(this.#redis, 30_000);
    await warnIfNotDurable(this.#redis, this.#options.log);
    await this.#reader.start();
    this.#pending.start();
  }

  async stop(): Promise<void> {
    this.#pending.stop();
    await this.#reader.stop();
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()));
    await disconnect(this.#redis);
  }

  async submit(request: NewRequest): Promise<Submission> {
    const original = request.idempotency ? await this.#claimKey(request, request.idempotency) : request.id;
    const shard = shardOfId(original) as Shard;
    const waits = request.mode !== 'job';
    const own = original === request.id;
    const expected = waits && this.#pending.expect(original, request.tenant, request.timeoutMs, own);
    try {
      const admission = await this.#producer(shard).submit({ ...request, id: original });
      if (admission === 'settled' && waits) await this.#pending.look(original);
      return { id: original, replayed: admission !== 'new' };
    } catch (error) {
      if (expected) this.#pending.forget(original);
      const refused = AppError.from(error);
      // Not where it is unknown whether it was enqueued: the key must go on leading to that one.
      if (refused.code !== 'UNAVAILABLE') await this.#releaseKey(request, original);
      this.#metrics.refused.inc({ priority: shard.priority, reason: refused.code.toLowerCase() });
      throw refused;
    }
  }

  async wait(id: string, tenant: string, signal?: AbortSignal): Promise<Settled> {
    if (!this.#pending.has(id)) {
      const view = await this.read(id, tenant);
      if (!view) throw new AppError('NOT_FOUND', `no inference ${id}`);
      if (view.settled) return view.settled;
      this.#pending.expect(id, tenant, Math.max(view.deadline - Date.now(), 0), true);
      await this.#store(id).attach(refOf(tenant, id), this.#options.gatewayId);
      // It may have ended between the reading and the attaching.
      await this.#pending.look(id);
    }
    return this.#pending.wait(id, signal);
  }

  async read(id: string, tenant: string): Promise<RequestView | undefined> {
    if (!shardOfId(id)) return undefined;
    return this.#reachable(() => this.#store(id).view(tenant, id));
  }

  async cancel(id: string, tenant: string): Promise<Settled | undefined> {
    if (!shardOfId(id)) return undefined;
    return this.#reachable(() => this.#end(id, tenant, CANCELLED));
  }

  async tokens(id: string, tenant: string, offset: number): Promise<TokenChunk[]> {
    if (!shardOfId(id)) return [];
    return this.#reachable(() =>
      this.#tokens.read(this.#store(id).keys.tokensPrefix + refOf(tenant, id), id, offset),
    );
  }

  /** The id that a key stands for: this request's, or that of the first one that used it. */
  async #claimKey(
    request: NewRequest,
    { key, bodyHash }: { key: string; bodyHash: string },
  ): Promise<string> {
    const name = idempotencyKey(request.tenant, key);
    const mine = `${request.id} ${bodyHash}`;
    const earlier = await this.#reachable(() =>
      this.#redis.set(name, mine, 'PX', KEPT_RESULT_MS, 'NX', 'GET'),
    );
    const [id, hash] = (earlier ?? mine).split(' ');
    if (hash !== bodyHash) {
      throw new AppError('CONFLICT', 'this Idempotency-Key was used with another request', {
        details: { header: 'Idempotency-Key', hint: 'use a new key for a new request' },
      });
    }
    return id as string;
  }

  /** A request that was refused leaves its key free, whatever the next one that comes with it wants. */
  async #releaseKey(request: NewRequest, original: string): Promise<void> {
    if (!request.idempotency || original !== request.id) return;
    await this.#redis.del(idempotencyKey(request.tenant, request.idempotency.key)).catch(() => undefined);
  }

  #onReply(id: string, blob: Buffer): void {
    if (!this.#pending.has(id)) return;
    if (blob.length === 0) void this.#pending.look(id);
    else this.#pending.settle(id, decodeSettled(blob));
  }

  /** Ends a request unless it has ended, tells whoever waits, and answers with what its record says. */
  async #end(
    id: string,
    tenant: string,
    outcome: Omit<Outcome, 'model' | 'version'>,
  ): Promise<Settled | undefined> {
    const store = this.#store(id);
    const ref = refOf(tenant, id);
    const { result, gateways } = await store.settle(ref, outcome);
    const settled = await store.terminal(ref);
    if (result === 'settled' && settled) {
      const others = gateways.filter((gateway) => gateway !== this.#options.gatewayId);
      await sendReplies(this.#redis, others.map((gateway) => ({ gateway, id, blob: Buffer.alloc(0) }))); // prettier-ignore
      this.#pending.settle(id, settled);
    }
    return settled;
  }

  #terminal(id: string, tenant: string): Promise<Settled | undefined> {
    return this.#store(id).terminal(refOf(tenant, id));
  }

  #producer(shard: Shard): ShardProducer {
    const loc = locOf(shard);
    let producer = this.#producers.get(loc);
    if (!producer) {
      const { gatewayId: gateway, policies, replication, keptBytes } = this.#options;
      const policy = policies[shard.priority];
      producer = new ShardProducer({
        shard,
        redis: this.#redis,
        gateway,
        policy,
        keptBytes,
        replication,
        metrics: this.#metrics,
      });
      this.#producers.set(loc, producer);
    }
    return producer;
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

  async #reachable<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('UNAVAILABLE', 'the queue cannot be reached now; try again', {
        retryAfterS: 2,
        cause: error,
      });
    }
  }
}

export function createInferenceQueue(options: InferenceQueueOptions): RedisInferenceQueue {
  return new RedisInferenceQueue(options);
}
