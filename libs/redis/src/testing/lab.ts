import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { AppError } from '@frontier/contracts/errors';
import { inferenceId, queuePoliciesSchema, type Priority, type Shard } from '@frontier/contracts/queue';
import type { NewRequest, Outcome } from '@frontier/contracts/request';
import { createLogger } from '@frontier/kit/logger';
import { DispatchQueue, type DispatchQueueOptions } from '../dispatch-queue.ts';
import { createInferenceQueue, type RedisInferenceQueue } from '../inference-queue.ts';
import { ShardKeys } from '../keys.ts';
import type { TakenRequest } from '../taken.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

export type Policies = Parameters<typeof queuePoliciesSchema.parse>[0];

export interface LabDispatcher {
  priority?: Priority;
  isServed?: DispatchQueueOptions['isServed'];
  /** Awaited before each request is answered. */
  before?: (request: TakenRequest) => Promise<void>;
  timing?: Outcome['timing'];
  /** How a request ends, if not well. */
  endOf?: (request: TakenRequest) => Partial<Outcome>;
}

/** A Redis of its own with gateways' and dispatchers' sides of the queue, for one priority in the pool `cpu`. */
export class Lab {
  readonly server: TestRedis;
  readonly redis: Redis;
  readonly #stops: (() => Promise<void>)[] = [];

  private constructor(server: TestRedis) {
    this.server = server;
    this.redis = new Redis(server.url);
  }

  static async start(args: string[] = []): Promise<Lab> {
    return new Lab(await startRedis(args));
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.server.stop();
  }

  /** Stops all gateways and dispatchers, and forgets everything. */
  async clear(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    await this.redis.flushall();
  }

  async gateway(
    policies: Policies = {},
    { shards = 1, registry = new Registry() } = {},
  ): Promise<RedisInferenceQueue> {
    const queue = createInferenceQueue({
      redisUrl: this.server.servicesUrl,
      gatewayId: `gw-${randomUUID()}`,
      policies: queuePoliciesSchema.parse(policies),
      shards,
      keptBytes: 1e9,
      replication: { replicas: 0, timeoutMs: 1_000 },
      log: createLogger({ service: 'test', level: 'silent' }),
      registry,
    });
    await queue.start();
    this.#stops.push(() => queue.stop());
    return queue;
  }

  /** Answers every request with nothing, unless `endOf` says otherwise. */
  async dispatcher({
    priority = 'standard',
    isServed = () => true,
    before,
    timing,
    endOf = () => ({}),
  }: LabDispatcher = {}): Promise<void> {
    const queue: DispatchQueue = new DispatchQueue({
      redisUrl: this.server.servicesUrl,
      name: 'test',
      shards: [{ priority, pool: 'cpu', index: 0 }],
      policies: queuePoliciesSchema.parse({}),
      keptBytes: 1_000_000,
      replication: { replicas: 0, timeoutMs: 1_000 },
      log: createLogger({ service: 'test', level: 'silent' }),
      registry: new Registry(),
      isServed,
      onTaking: () => undefined,
      onBundle: async ({ run, late, expired }) => {
        await queue.bury(late, { code: 'TIMEOUT', message: 'late' });
        for (const request of [...run, ...expired]) {
          await before?.(request);
          const { model, version } = request;
          const outcome: Outcome = { status: 'completed', model, version, timing, ...endOf(request) };
          await queue.commit(request, { outcome, outputs: new Uint8Array(0) });
        }
      },
    });
    await queue.start();
    queue.take();
    this.#stops.push(() => queue.stop());
  }

  /** What is outstanding in a shard by its own books: places, bytes. */
  async outstanding(shard: Shard): Promise<[number, number]> {
    const keys = new ShardKeys(shard);
    return [await this.redis.zcard(keys.outstanding), Number((await this.redis.get(keys.bytes)) ?? 0)];
  }
}

export function newRequest(queue: RedisInferenceQueue, extra: Partial<NewRequest> = {}): NewRequest {
  const { priority = 'standard' } = extra;
  return {
    id: inferenceId(uuidv7(), queue.shardFor(priority, 'cpu')),
    tenant: 'default',
    model: 'echo',
    version: '1',
    priority,
    pool: 'cpu',
    mode: 'job',
    timeoutMs: 60_000,
    payload: Buffer.alloc(16),
    ...extra,
  };
}

/** Undefined: it was taken. */
export async function refusalOf(submitted: Promise<unknown>): Promise<AppError | undefined> {
  return submitted.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof AppError) return error;
      throw error;
    },
  );
}

/** The reasons of many submits, counted; `taken` for those that were not refused. */
export function countReasons(refusals: readonly (AppError | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const refusal of refusals) {
    const reason = String(refusal ? refusal.details?.['reason'] : 'taken');
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return counts;
}
