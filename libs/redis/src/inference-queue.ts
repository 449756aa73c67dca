import type { Registry } from 'prom-client';
import { AppError } from '@frontier/contracts/errors';
import type { InferenceQueue, RequestView, Submission } from '@frontier/contracts/ports';
import { shardOfId, type Pool, type Priority, type QueuePolicies, type Shard } from '@frontier/contracts/queue'; // prettier-ignore
import { decodeSettled, type NewRequest, type Settled, type TokenChunk } from '@frontier/contracts/request';
import { failpoint } from '@frontier/kit/failpoint';
import type { Logger } from '@frontier/kit/logger';
import { connect, connectBlocking, disconnect, whenReady, type RedisClient } from './connection.ts';
import { warnIfNotDurable } from './durability.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { queueMetrics, type QueueMetrics } from './metrics.ts';
import { PendingReplies } from './pending-replies.ts';
import { reasonOf, redisFailure, refusal, soonS } from './refusal.ts';
import type { Replication } from './replication.ts';
import { ReplyReader } from './reply-stream.ts';
import { Requests } from './requests.ts';
import { RunTimes } from './run-times.ts';
import { ShardProducers } from './shard-producers.ts';

export interface InferenceQueueOptions {
  redisUrl: string;
  /** Unique among all gateways, also over restarts. */
  gatewayId: string;
  policies: QueuePolicies;
  /** Shards of each (priority, pool). */
  shards: number;
  replication: Replication;
  /** Bytes of results of jobs and keyed calls that a tenant may have kept in each shard. */
  keptBytes: number;
  log: Logger;
  registry: Registry;
}

/** The durable queue in Redis, as a gateway uses it. */
export class RedisInferenceQueue implements InferenceQueue {
  readonly #options: InferenceQueueOptions;
  readonly #redis: RedisClient;
  readonly #reader: ReplyReader;
  readonly #pending: PendingReplies;
  readonly #metrics: QueueMetrics;
  readonly #requests: Requests;
  readonly #keys: IdempotencyKeys;
  readonly #producers: ShardProducers;
  readonly #runTimes = new RunTimes();

  constructor(options: InferenceQueueOptions) {
    this.#options = options;
    const { redisUrl: url, gatewayId, log, registry, ...producing } = options;
    this.#redis = connect({ url, name: `gateway:${gatewayId}`, log });
    this.#metrics = queueMetrics(registry);
    this.#requests = new Requests(this.#redis, gatewayId, (id, settled) => this.#pending.settle(id, settled));
    this.#keys = new IdempotencyKeys(this.#redis);
    this.#producers = new ShardProducers({
      ...producing,
      redis: this.#redis,
      gateway: gatewayId,
      metrics: this.#metrics,
    });
    this.#pending = new PendingReplies({
      onDeadline: (id, tenant) => this.#requests.timeOut(id, tenant),
      poll: (id, tenant) => this.#requests.terminal(id, tenant),
      metrics: this.#metrics,
    });
    const blocking = connectBlocking({ url, name: `gateway:${gatewayId}:replies`, log });
    this.#reader = new ReplyReader(blocking, gatewayId, (id, blob) => this.#onReply(id, blob));
  }

  async start(): Promise<void> {
    await whenReady(this.#redis, 30_000);
    await warnIfNotDurable(this.#redis, this.#options.replication.replicas, this.#options.log);
    await this.#producers.start();
    await this.#reader.start();
    this.#pending.start();
  }

  async stop(): Promise<void> {
    this.#pending.stop();
    await this.#reader.stop();
    await this.#producers.stop();
    await disconnect(this.#redis);
  }

  shardFor(priority: Priority, pool: Pool): Shard {
    return this.#producers.shardFor(priority, pool);
  }

  async submit(request: NewRequest): Promise<Submission> {
    let id: string | undefined;
    let expected = false;
    try {
      id = request.idempotency ? await this.#keys.claim(request, request.idempotency) : request.id;
      const own = id === request.id;
      // Who repeats a key may want an answer that is there already.
      if (own) this.#refuseInVain(request);
      const waits = request.mode !== 'job';
      expected = waits && this.#pending.expect(id, request.tenant, request.timeoutMs);
      const admitted = await this.#producers.submit(own ? request : { ...request, id });
      if (admitted === 'new') {
        if (waits) this.#pending.endAfter(id, request.timeoutMs);
        if (!own) await this.#keys.keep(request);
      } else if (admitted === 'settled' && waits) await this.#pending.look(id);
      return { id, replayed: admitted !== 'new' };
    } catch (error) {
      if (expected && id !== undefined) this.#pending.forget(id);
      throw await this.#refused(request, id, error);
    }
  }

  async wait(id: string, tenant: string, signal?: AbortSignal): Promise<Settled> {
    if (this.#pending.has(id)) return this.#pending.wait(id, signal);
    const view = await this.read(id, tenant);
    if (!view) throw new AppError('NOT_FOUND', `no inference ${id}`);
    if (view.settled) return view.settled;
    this.#pending.expect(id, tenant, view.remainingMs);
    this.#pending.endAfter(id, view.remainingMs);
    // Now, since its end may come before the rest is done.
    const end = this.#pending.wait(id, signal);
    end.catch(() => undefined);
    await this.#requests.attach(id, tenant);
    // It may have ended between the reading and the attaching.
    await this.#pending.look(id);
    return end;
  }

  async read(id: string, tenant: string): Promise<RequestView | undefined> {
    return this.#reachable(id, () => this.#requests.view(id, tenant));
  }

  async cancel(id: string, tenant: string): Promise<Settled | undefined> {
    return this.#reachable(id, () => this.#requests.cancel(id, tenant));
  }

  async abandon(id: string, tenant: string): Promise<Settled | undefined> {
    return this.#reachable(id, async () =>
      (await this.#requests.detach(id, tenant)) ? undefined : this.#requests.cancel(id, tenant),
    );
  }

  async tokens(id: string, tenant: string, offset: number): Promise<TokenChunk[]> {
    return (await this.#reachable(id, () => this.#requests.tokens(id, tenant, offset))) ?? [];
  }

  roomy(pool: Pool): boolean {
    return this.#producers.roomy(pool);
  }

  /** Throws where it is clear without asking Redis that there can be no answer. */
  #refuseInVain(request: NewRequest): void {
    this.#producers.checkMemory(request);
    const { model, version, timeoutMs } = request;
    const fastestMs = this.#runTimes.fastestMs(model, version, performance.now());
    if (timeoutMs >= fastestMs) return;
    const shard = shardOfId(request.id) as Shard;
    const details = { predicted_run_ms: Math.ceil(fastestMs), timeout_ms: timeoutMs };
    throw refusal('deadline', { shard, details, retryAfterS: soonS(1) });
  }

  async #refused(request: NewRequest, id: string | undefined, error: unknown): Promise<AppError> {
    const refused = error instanceof AppError ? error : redisFailure(shardOfId(request.id) as Shard, error);
    const reason = reasonOf(refused);
    if (reason) this.#metrics.refused.inc({ priority: request.priority, reason });
    // Not where Redis failed: it may have been enqueued, and the key must go on leading to it.
    if (id === request.id && refused.cause === undefined)
      await this.#keys.shorten(request).catch(() => undefined);
    return refused;
  }

  #onReply(id: string, blob: Buffer): void {
    const held = failpoint('gateway.reply.before', id);
    if (held) void held.then(() => this.#take(id, blob));
    else this.#take(id, blob);
  }

  #take(id: string, blob: Buffer): void {
    if (!this.#pending.has(id)) return;
    if (blob.length === 0) void this.#pending.look(id).catch(() => undefined);
    else {
      const settled = decodeSettled(blob);
      this.#runTimes.observe(settled.outcome, performance.now());
      this.#pending.settle(id, settled);
    }
    void failpoint('gateway.reply.after', id);
  }

  /** Undefined for what is no id. Throws UNAVAILABLE while Redis is away. */
  async #reachable<T>(id: string, call: () => Promise<T>): Promise<T | undefined> {
    const shard = shardOfId(id);
    if (!shard) return undefined;
    try {
      return await call();
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw redisFailure(shard, error);
    }
  }
}

export function createInferenceQueue(options: InferenceQueueOptions): RedisInferenceQueue {
  return new RedisInferenceQueue(options);
}
