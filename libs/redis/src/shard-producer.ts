import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { AppError } from '@frontier/contracts/errors';
import type { QueuePolicy, Shard } from '@frontier/contracts/queue';
import type { Bundle, BundledRequest, NewRequest } from '@frontier/contracts/request';
import { Coalescer } from '@frontier/kit/coalescer';
import { DrainRate } from './drain-rate.ts';
import { idempotencyKey, MAIN_QUEUE, refOf, ShardKeys } from './keys.ts';
import type { QueueMetrics } from './metrics.ts';
import { replicated, type Replication } from './replication.ts';
import { keepMs } from './retention.ts';
import { ShardScripts, type Argument } from './scripts.ts';

/** Requests in one bundle at most, and in one admission. */
const MAX_BUNDLE = 64;
/** Payloads over this many bytes lie under a key of their own, as they are; smaller ones ride in the job as base64. */
const INLINE_BYTES = 8 * 1024;

/** What admission said of a request. `new`: this call enqueued it; `live`, `settled`: an earlier one did. */
export type Admission = 'new' | 'live' | 'settled';

type Verdict = Admission | 'full' | 'kept';

export interface ShardProducerOptions {
  shard: Shard;
  redis: Redis;
  gateway: string;
  policy: QueuePolicy;
  /** Bytes of results that a tenant may have kept in this shard: of its jobs and keyed calls of the last day. */
  keptBytes: number;
  replication: Replication;
  metrics: QueueMetrics;
}

/**
 * Puts requests into one shard: those that arrive while the former enqueue is on its way are admitted by one script
 * and travel as one BullMQ job per model.
 */
export class ShardProducer {
  readonly #options: ShardProducerOptions;
  readonly #keys: ShardKeys;
  readonly #scripts: ShardScripts;
  readonly #queue: Queue;
  readonly #coalescer: Coalescer<NewRequest, Admission>;
  readonly #drain = new DrainRate();
  /** As the last admission found them. */
  #outstanding = 0;
  #bytes = 0;

  constructor(options: ShardProducerOptions) {
    this.#options = options;
    this.#keys = new ShardKeys(options.shard);
    this.#scripts = new ShardScripts(options.redis, this.#keys);
    this.#queue = new Queue(MAIN_QUEUE, {
      connection: options.redis,
      prefix: this.#keys.prefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: { count: 1000 }, attempts: 1 },
    });
    this.#queue.on('error', () => undefined); // the connection's own handler logs it
    this.#coalescer = new Coalescer((requests) => this.#flush(requests), {
      max: MAX_BUNDLE,
      secondAt: MAX_BUNDLE,
    });
  }

  /** Resolves when the request is durable. Throws OVERLOADED or UNAVAILABLE. */
  submit(request: NewRequest): Promise<Admission> {
    return this.#coalescer.submit(request);
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #flush(requests: NewRequest[]): Promise<(Admission | Error)[]> {
    const groups = groupForBundles(requests);
    try {
      return await replicated(this.#options.redis, this.#options.replication, async () => {
        const verdicts = await (this.#isRoomy(requests)
          ? this.#admitAndEnqueue(requests, groups)
          : this.#admitThenEnqueue(requests, groups));
        return requests.map((request, i) => this.#answer(request, verdicts[i] as Verdict));
      });
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('UNAVAILABLE', 'the queue cannot take requests now; try again with the same key', {
        retryAfterS: 1 + Math.round(Math.random() * 2),
        cause: error,
      });
    }
  }

  /** Far from its bounds at the last admission, and nothing large: none of these will be refused, most likely. */
  #isRoomy(requests: NewRequest[]): boolean {
    const { bound, boundBytes } = this.#options.policy;
    return (
      this.#outstanding < bound / 2 &&
      this.#bytes < boundBytes / 2 &&
      requests.every(({ payload }) => payload.length <= INLINE_BYTES)
    );
  }

  /**
   * Sends the job right behind the admission, which saves a round trip. Whatever admission refuses has no record, so
   * whoever takes the job skips it; near a bound such jobs would fill Redis, so then `#admitThenEnqueue` is used.
   */
  async #admitAndEnqueue(requests: NewRequest[], groups: Group[]): Promise<Verdict[]> {
    const [verdicts] = await Promise.all([
      this.#admit(requests, groups),
      ...groups.map((group) => this.#add(group, group.requests)),
    ]);
    return verdicts;
  }

  async #admitThenEnqueue(requests: NewRequest[], groups: Group[]): Promise<Verdict[]> {
    const verdicts = await this.#admit(requests, groups);
    const accepted = new Set(requests.filter((_, i) => verdicts[i] === 'new'));
    await Promise.all(
      groups.map((group) => this.#add(group, group.requests.filter((request) => accepted.has(request)))), // prettier-ignore
    );
    return verdicts;
  }

  async #admit(requests: NewRequest[], groups: Group[]): Promise<Verdict[]> {
    const { policy, gateway, keptBytes } = this.#options;
    const ownerOf = new Map(
      groups.flatMap((group) => group.requests.map((request) => [request, group.job] as const)),
    );
    const args: Argument[] = [MAIN_QUEUE, policy.bound, policy.boundBytes, keptBytes, gateway];
    for (const request of requests) {
      args.push(
        refOf(request.tenant, request.id),
        ownerOf.get(request) as string,
        request.idempotency ? idempotencyKey(request.tenant, request.idempotency.key) : '',
        request.timeoutMs,
        request.payload.length,
        keepMs(request),
        request.mode,
        request.model,
        request.version,
      );
    }
    const reply = (await this.#scripts.call('admit', args)) as [number, number, number, number, ...Verdict[]];
    const [now, outstanding, bytes, settled, ...verdicts] = reply;
    this.#outstanding = outstanding;
    this.#bytes = bytes;
    this.#drain.observe(now, settled);
    return verdicts;
  }

  /** Large payloads are written before the job on the same connection, so whoever has the job finds them. */
  async #add({ job, model }: Group, requests: NewRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const bundle: Bundle = { v: 1, gateway: this.#options.gateway, requests: requests.map(bundled) };
    const large = requests.filter(({ payload }) => payload.length > INLINE_BYTES);
    await Promise.all([
      ...large.map((request) => this.#storePayload(request)),
      this.#queue.add(model, bundle, { jobId: job }),
    ]);
    this.#options.metrics.bundleSize.observe(requests.length);
  }

  #storePayload({ tenant, id, payload, timeoutMs }: NewRequest): Promise<unknown> {
    const key = this.#keys.payloadPrefix + refOf(tenant, id);
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    return this.#options.redis.set(key, bytes, 'PX', timeoutMs + 60_000);
  }

  #answer(request: NewRequest, verdict: Verdict): Admission | Error {
    switch (verdict) {
      case 'new':
      case 'live':
      case 'settled':
        return verdict;
      case 'kept':
        return new AppError(
          'RATE_LIMITED',
          'the results of your jobs of the last day fill their share; read less or wait',
          {
            details: { reason: 'result_budget', max_bytes: this.#options.keptBytes },
            // The share is counted by the hour.
            retryAfterS: Math.ceil(3600 * (0.5 + Math.random())),
          },
        );
      case 'full': {
        const { shard, policy } = this.#options;
        const excess = this.#coalescer.size + 1;
        return new AppError('OVERLOADED', `the ${shard.priority} queue is full; try again later`, {
          details: {
            priority: shard.priority,
            pool: shard.pool,
            bound: policy.bound,
            bytes: request.payload.length,
          },
          retryAfterS: this.#drain.retryAfterS(excess, Math.random()),
        });
      }
    }
  }
}

interface Group {
  job: string;
  model: string;
  requests: NewRequest[];
}

/** One job per model and version; a stream travels alone, since it holds its job for as long as it generates. */
function groupForBundles(requests: NewRequest[]): Group[] {
  const groups = new Map<string, Group>();
  for (const request of requests) {
    const alone = request.mode === 'stream' || request.params !== undefined;
    const key = alone ? request.id : `${request.model}@${request.version}`;
    const group = groups.get(key);
    if (group) group.requests.push(request);
    // Never all digits, never with a colon: BullMQ gives both a meaning of their own.
    else groups.set(key, { job: `b-${uuid()}`, model: request.model, requests: [request] });
  }
  return [...groups.values()];
}

function bundled(request: NewRequest): BundledRequest {
  return {
    id: request.id,
    epoch: 0,
    tenant: request.tenant,
    model: request.model,
    version: request.version,
    mode: request.mode,
    timeoutMs: request.timeoutMs,
    params: request.params,
    trace: request.traceparent,
    inline: request.payload.length > INLINE_BYTES ? undefined : base64(request.payload),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
