import { Queue } from 'bullmq';
import { v4 as uuid } from 'uuid';
import type { Bundle, BundledRequest, NewRequest } from '@frontier/contracts/request';
import { Coalescer } from '@frontier/kit/coalescer';
import { failpoint } from '@frontier/kit/failpoint';
import { Admission, type AdmissionOptions, type EntryLane, type Verdict } from './admission.ts';
import { INLINE_BYTES } from './bundle.ts';
import { isCluster } from './connection.ts';
import { refOf, ShardKeys } from './keys.ts';
import type { QueueMetrics } from './metrics.ts';
import { redisFailure } from './refusal.ts';
import { replicated, type Replication } from './replication.ts';

/** Requests in one bundle at most, and in one admission. */
export const MAX_BUNDLE = 64;
/** In one that may overflow, as the turns of who is over its share are to be short: at least, and by the drain rate, s. */
const MIN_TURN = 16;
const TURN_S = 0.02;

/** What became of a request. `new`: this call enqueued it; `live`, `settled`: an earlier one did. */
export type Admitted = 'new' | 'live' | 'settled';

export interface ShardProducerOptions extends Omit<AdmissionOptions, 'keys'> {
  replication: Replication;
  metrics: QueueMetrics;
}

/**
 * Puts requests into one shard: those that arrive while the former enqueue is on its way are admitted by one script
 * and travel as one BullMQ job per model and lane.
 */
export class ShardProducer {
  readonly #options: ShardProducerOptions;
  readonly #keys: ShardKeys;
  readonly #admission: Admission;
  readonly #queues: Record<EntryLane, Queue>;
  readonly #coalescer: Coalescer<NewRequest, Admitted>;

  constructor(options: ShardProducerOptions) {
    this.#options = options;
    this.#keys = new ShardKeys(options.shard);
    this.#admission = new Admission({ ...options, keys: this.#keys });
    this.#queues = { main: this.#queue('main'), overflow: this.#queue('overflow') };
    this.#coalescer = new Coalescer((requests) => this.#flush(requests), {
      max: MAX_BUNDLE,
      secondAt: MAX_BUNDLE,
    });
  }

  /** Resolves when the request is durable. Throws OVERLOADED, UNAVAILABLE or PAYLOAD_TOO_LARGE. */
  submit(request: NewRequest): Promise<Admitted> {
    return this.#coalescer.submit(request);
  }

  async close(): Promise<void> {
    await Promise.all([this.#queues.main.close(), this.#queues.overflow.close()]);
  }

  #queue(lane: EntryLane): Queue {
    const queue = new Queue(lane, {
      connection: this.#options.redis,
      prefix: this.#keys.prefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: { count: 1000 }, attempts: 1 },
    });
    queue.on('error', () => undefined); // the connection's own handler logs it
    return queue;
  }

  async #flush(requests: NewRequest[]): Promise<(Admitted | Error)[]> {
    const { redis, replication, shard } = this.#options;
    try {
      await failpoint('gateway.admit.before');
      const verdicts = await replicated(redis, replication, this.#keys.settled, async () => {
        // In a Cluster a redirection may put the second of two calls first.
        const admitted = await (!isCluster(redis) && this.#admission.isRoomy(requests)
          ? this.#admitAndEnqueue(requests)
          : this.#admitThenEnqueue(requests));
        await failpoint('gateway.replicate.before');
        return admitted;
      });
      await failpoint('gateway.replicate.after');
      return verdicts.map((verdict) => (verdict === 'main' || verdict === 'overflow' ? 'new' : verdict));
    } catch (error) {
      throw redisFailure(shard, error);
    }
  }

  /**
   * Sends the job right behind the admission, which saves a round trip. Whatever admission refuses has no record, so
   * whoever takes the job skips it; near a bound such jobs would fill Redis, so then `#admitThenEnqueue` is used.
   */
  async #admitAndEnqueue(requests: NewRequest[]): Promise<Verdict[]> {
    const groups = groupsOf(requests, MAX_BUNDLE);
    const [verdicts] = await Promise.all([
      this.#admission.ask(requests, jobsOf(groups), 'main'),
      ...groups.map((group) => this.#add('main', group, group.requests)),
    ]);
    return verdicts;
  }

  async #admitThenEnqueue(requests: NewRequest[]): Promise<Verdict[]> {
    const turn = Math.max(this.#admission.drainPerSecond * TURN_S, MIN_TURN);
    const groups = groupsOf(requests, Math.min(Math.floor(turn), MAX_BUNDLE));
    const verdicts = await this.#admission.ask(requests, jobsOf(groups), '');
    const verdictOf = new Map(requests.map((request, i) => [request, verdicts[i]]));
    const addTo = (group: Group, lane: EntryLane) =>
      this.#add(lane, group, group.requests.filter((request) => verdictOf.get(request) === lane)); // prettier-ignore
    await Promise.all(groups.flatMap((group) => [addTo(group, 'main'), addTo(group, 'overflow')]));
    return verdicts;
  }

  /** Large payloads are written before the job, so whoever has the job finds them; on one connection that is an order. */
  async #add(lane: EntryLane, { job, model }: Group, requests: NewRequest[]): Promise<void> {
    if (requests.length === 0) return;
    await failpoint('gateway.enqueue.before');
    const bundle: Bundle = { v: 1, gateway: this.#options.gateway, requests: requests.map(bundled) };
    const large = requests.filter(({ payload }) => payload.length > INLINE_BYTES);
    const stored = Promise.all(large.map((request) => this.#storePayload(request)));
    if (isCluster(this.#options.redis)) await stored;
    await Promise.all([stored, this.#queues[lane].add(model, bundle, { jobId: job })]);
    await failpoint('gateway.enqueue.after');
    this.#options.metrics.bundleSize.observe(requests.length);
  }

  #storePayload({ tenant, id, payload, timeoutMs }: NewRequest): Promise<unknown> {
    const key = this.#keys.payloadPrefix + refOf(tenant, id);
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    return this.#options.redis.set(key, bytes, 'PX', timeoutMs + 60_000);
  }
}

interface Group {
  job: string;
  model: string;
  requests: NewRequest[];
}

/** One job per model and version; a stream travels alone, since it holds its job for as long as it generates. */
function groupsOf(requests: readonly NewRequest[], most: number): Group[] {
  const groups: Group[] = [];
  const open = new Map<string, Group>();
  for (const request of requests) {
    const alone = request.mode === 'stream' || request.params !== undefined;
    const key = alone ? request.id : `${request.model}@${request.version}`;
    let group = open.get(key);
    if (!group || group.requests.length === most) {
      // Never all digits, never with a colon: BullMQ gives both a meaning of their own.
      group = { job: `b-${uuid()}`, model: request.model, requests: [] };
      groups.push(group);
      open.set(key, group);
    }
    group.requests.push(request);
  }
  return groups;
}

function jobsOf(groups: readonly Group[]): Map<NewRequest, string> {
  const jobs = new Map<NewRequest, string>();
  for (const { job, requests } of groups) for (const request of requests) jobs.set(request, job);
  return jobs;
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
    variant: request.variant,
    redriveOf: request.redriveOf,
    redrives: request.redrives,
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
