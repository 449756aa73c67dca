import type { Registry } from 'prom-client';
import type { WireError } from '@frontier/contracts/errors';
import type { FailureKind } from '@frontier/contracts/dead-letter';
import { locOf, type QueuePolicies, type Shard } from '@frontier/contracts/queue';
import type { BundledRequest, FailedAttempt, Settled, TokenChunk } from '@frontier/contracts/request';
import type { Logger } from '@frontier/kit/logger';
import { connect, connectBlocking, disconnect, whenReady, type RedisClient } from './connection.ts'; // prettier-ignore
import { warnIfNotDurable } from './durability.ts';
import type { Replication } from './replication.ts';
import { TOKEN_LOG_MS } from './retention.ts';
import { queueMetrics } from './metrics.ts';
import { ShardDispatch, type ShardDepth } from './shard-dispatch.ts';
import { ShardProducers } from './shard-producers.ts';
import type { TakenBundle, TakenRequest } from './taken.ts';
import { TokenLog } from './token-log.ts';

export interface DispatchQueueOptions {
  redisUrl: string;
  name: string;
  shards: Shard[];
  policies: QueuePolicies;
  replication: Replication;
  /** Bytes of results of jobs that a tenant may have kept in each shard. */
  keptBytes: number;
  log: Logger;
  registry: Registry;
  onBundle: (bundle: TakenBundle) => Promise<void>;
  /** Whether any worker runs what this request needs; what nobody runs is parked. */
  isServed: (request: BundledRequest) => boolean;
  /** A bundle came or went; `requests` more (fewer) are just being taken. */
  onTaking: (requests: number) => void;
}

const SWEEP_EVERY_MS = 5_000;

/** What one (priority, pool) has in Redis: the sums over its shards, but the longest of their waits. */
export interface Depth extends ShardDepth {
  shard: Shard;
}

/** The durable queue in Redis, as a dispatcher uses it. */
export class DispatchQueue {
  readonly #redis: RedisClient;
  readonly #blocking: RedisClient;
  readonly #tokens: TokenLog;
  readonly #log: Logger;
  readonly #replicas: number;
  readonly #producers: ShardProducers;
  readonly #shards = new Map<string, ShardDispatch>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: DispatchQueueOptions) {
    const { redisUrl: url, name, log } = options;
    this.#log = log;
    this.#replicas = options.replication.replicas;
    this.#redis = connect({ url, name: `dispatcher:${name}`, log });
    this.#blocking = connectBlocking({ url, name: `dispatcher:${name}:take`, log });
    this.#tokens = new TokenLog(this.#redis);
    const { policies, replication, keptBytes } = options;
    const shards = 1 + Math.max(...options.shards.map(({ index }) => index));
    this.#producers = new ShardProducers({
      redis: this.#redis,
      shards,
      policies,
      replication,
      keptBytes,
      // Nobody waits for what is redriven.
      gateway: '',
      metrics: queueMetrics(options.registry),
    });
    const producers = this.#producers;
    for (const shard of options.shards) {
      const policy = options.policies[shard.priority];
      const shared = { ...options, redis: this.#redis, blocking: this.#blocking, producers };
      const bound = policy.bound / shards;
      this.#shards.set(locOf(shard), new ShardDispatch({ ...shared, shard, policy, bound }));
    }
  }

  /** Connects; nothing is taken yet. */
  async start(): Promise<void> {
    await Promise.all([whenReady(this.#redis, 30_000), whenReady(this.#blocking, 30_000)]);
    await warnIfNotDurable(this.#redis, this.#replicas, this.#log);
    await this.#producers.start();
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS);
  }

  /** Takes bundles from now on; once. */
  take(): void {
    for (const shard of this.#shards.values()) shard.start();
  }

  /** Takes no more, waits for what it holds to end, and leaves. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all([...this.#shards.values()].map((shard) => shard.stop()));
    await this.#producers.stop();
    await Promise.all([disconnect(this.#redis), disconnect(this.#blocking)]);
  }

  /** Lets so many more bundles be taken from each queue than are held of it. */
  setAhead(bundles: number): void {
    for (const { consumer } of this.#shards.values()) consumer.ahead = bundles;
  }

  /** Some requests have a worker now that had none. */
  unpark(isServed: (request: BundledRequest) => boolean): void {
    for (const shard of this.#shards.values()) shard.consumer.unpark(isServed);
  }

  async depths(): Promise<Depth[]> {
    const depths = new Map<string, Depth>();
    for (const side of this.#shards.values()) {
      const { shard } = side;
      const depth = await side.depth();
      const key = `${shard.priority}/${shard.pool}`;
      const sum = depths.get(key);
      if (sum) addTo(sum, depth);
      else depths.set(key, { shard, ...depth });
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

  /** Hands the request on to a job of its own, which is taken after `delayMs`, ahead of new work. */
  retry(request: TakenRequest, failures: readonly FailedAttempt[], delayMs: number): Promise<void> {
    return this.#side(request).retry(request, failures, delayMs);
  }

  /** Keeps a dead letter of a request, then gives it the end that says why; true: this is its end. */
  fail(request: TakenRequest, kind: FailureKind, settled: Settled): Promise<boolean> {
    return this.#side(request).fail(request, kind, settled);
  }

  /** Keeps dead letters of requests that gateways have ended as timeouts. */
  async bury(requests: readonly TakenRequest[], error: WireError): Promise<void> {
    if (requests[0]) await this.#side(requests[0]).bury(requests, error);
  }

  /** What earlier runs of a streaming request have said. */
  readTokens(request: TakenRequest): Promise<TokenChunk[]> {
    return this.#tokens.read(this.#tokenKey(request), request.id);
  }

  async appendTokens(request: TakenRequest, chunks: readonly TokenChunk[]): Promise<void> {
    const keepMs = Math.max(request.localDeadline - performance.now(), 0) + TOKEN_LOG_MS;
    await this.#tokens.append(this.#tokenKey(request), chunks, Math.ceil(keepMs));
  }

  async endTokens(request: TakenRequest): Promise<void> {
    await this.#tokens.end(this.#tokenKey(request));
  }

  #tokenKey(request: TakenRequest): string {
    return this.#side(request).store.keys.tokensPrefix + request.ref;
  }

  #side(request: TakenRequest): ShardDispatch {
    return this.#shards.get(locOf(request.shard)) as ShardDispatch;
  }

  async #sweep(): Promise<void> {
    for (const [loc, shard] of this.#shards) {
      await shard.sweep().catch((error: Error) => {
        this.#log.debug({ shard: loc, err: error.message }, 'sweep failed; it runs again soon');
      });
    }
  }
}

function addTo(sum: Depth, { outstanding, parked, deadLetters, models, waitS }: ShardDepth): void {
  sum.outstanding += outstanding;
  sum.parked += parked;
  sum.deadLetters += deadLetters;
  sum.waitS = Math.max(sum.waitS, waitS);
  for (const [model, count] of Object.entries(models)) sum.models[model] = (sum.models[model] ?? 0) + count;
}
