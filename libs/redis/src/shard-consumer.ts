import { UnrecoverableError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueuePolicy, Shard } from '@frontier/contracts/queue';
import type { Bundle, BundledRequest } from '@frontier/contracts/request';
import type { Logger } from '@frontier/kit/logger';
import { MAIN_QUEUE, refOf, ShardKeys } from './keys.ts';
import { ShardScripts } from './scripts.ts';

/** A request that this process may run, and what it needs to prove so at its end. */
export interface TakenRequest extends Omit<BundledRequest, 'inline'> {
  ref: string;
  shard: Shard;
  payload: Uint8Array;
  /** The gateway that submitted it. */
  gateway: string;
  job: string;
  /** The token of the lock on the job. */
  lock: string;
  /** Its deadline by the clock of this process, Unix ms. */
  localDeadline: number;
  /** How long it waited in the queue, ms. */
  waitedMs: number;
  /** An earlier holder of its job was lost. */
  rerun: boolean;
}

export interface TakenBundle {
  run: TakenRequest[];
  /** Their deadline has passed: they are only to be settled. */
  expired: TakenRequest[];
  /** They have a result that a lost holder of the job did not publish. */
  committed: TakenRequest[];
}

export interface ShardConsumerOptions {
  shard: Shard;
  policy: QueuePolicy;
  /** For calls. */
  redis: Redis;
  /** For waiting; BullMQ makes a second one of its kind. */
  blocking: Redis;
  log: Logger;
  /** Resolves when each request of the bundle has its terminal record, or is another's. */
  onBundle: (bundle: TakenBundle) => Promise<void>;
}

/** Crashes are counted per request, in its record: BullMQ's own limit would fail a whole bundle. */
const UNLIMITED_STALLS = 1_000_000;

/** Takes bundles from one shard, as BullMQ jobs under a lock that is renewed for as long as they run. */
export class ShardConsumer {
  readonly #options: ShardConsumerOptions;
  readonly #keys: ShardKeys;
  readonly #scripts: ShardScripts;
  readonly #worker: Worker<Bundle, void>;

  constructor(options: ShardConsumerOptions) {
    this.#options = options;
    this.#keys = new ShardKeys(options.shard);
    this.#scripts = new ShardScripts(options.redis, this.#keys);
    // A lost dispatcher's vip requests must still fit their 5 s when they run again.
    const vip = options.shard.priority === 'vip';
    this.#worker = new Worker<Bundle, void>(MAIN_QUEUE, (job, lock) => this.#process(job, lock as string), {
      connection: options.blocking,
      prefix: this.#keys.prefix,
      autorun: false,
      concurrency: options.policy.concurrency,
      lockDuration: vip ? 2_000 : 10_000,
      stalledInterval: vip ? 1_000 : 3_000,
      maxStalledCount: UNLIMITED_STALLS,
      skipVersionCheck: true,
      runRetryDelay: 500,
    });
    this.#worker.on('error', (error) => {
      options.log.debug({ shard: this.#keys.prefix, err: error.message }, 'queue error');
    });
    this.#worker.on('failed', (job, error) => {
      options.log.error({ shard: this.#keys.prefix, job: job?.id, err: error.message }, 'a bundle failed');
    });
  }

  start(): void {
    void this.#worker.run();
  }

  /** Bundles that may be held at once, at least 1. Takes effect when a bundle ends or arrives. */
  set concurrency(bundles: number) {
    this.#worker.concurrency = Math.max(bundles, 1);
  }

  /** Takes no more; resolves when all that it holds has ended. */
  async stop(): Promise<void> {
    await this.#worker.close();
  }

  async #process(job: Job<Bundle, void>, lock: string): Promise<void> {
    const requests = requestsOf(job.data);
    const claimed = await this.#claim(job, requests);
    const bundle: TakenBundle = { run: [], expired: [], committed: [] };
    const payloads = await this.#payloads(claimed.filter((c) => c.verdict === 'run').map((c) => c.request));
    for (const { request, verdict, epoch, deadline, now } of claimed) {
      if (verdict === 'skip') continue;
      const payload = payloads.get(request.id) ?? new Uint8Array(0);
      const { inline: _inline, ...rest } = request;
      bundle[verdict].push({
        ...rest,
        epoch,
        payload,
        ref: refOf(request.tenant, request.id),
        shard: this.#options.shard,
        gateway: job.data.gateway,
        job: job.id as string,
        lock,
        localDeadline: Date.now() + (deadline - now),
        waitedMs: now - (deadline - request.timeoutMs),
        rerun: job.attemptsStarted > 1,
      });
    }
    await this.#options.onBundle(bundle);
  }

  async #claim(job: Job, requests: BundledRequest[]) {
    const pairs = requests.flatMap((request) => [refOf(request.tenant, request.id), request.epoch]);
    const rerun = job.attemptsStarted > 1 ? 1 : 0;
    const reply = (await this.#scripts.call('claim', [job.id as string, rerun, ...pairs])) as (
      string | number
    )[];
    const now = reply[0] as number;
    return requests.map((request, i) => ({
      request,
      now,
      verdict: reply[1 + i * 3] as 'run' | 'skip' | 'expired' | 'committed',
      epoch: reply[2 + i * 3] as number,
      deadline: reply[3 + i * 3] as number,
    }));
  }

  async #payloads(requests: BundledRequest[]): Promise<Map<string, Uint8Array>> {
    const payloads = new Map<string, Uint8Array>();
    const apart: BundledRequest[] = [];
    for (const request of requests) {
      if (request.inline === undefined) apart.push(request);
      else payloads.set(request.id, Buffer.from(request.inline, 'base64'));
    }
    if (apart.length > 0) {
      const keys = apart.map((request) => this.#keys.payloadPrefix + refOf(request.tenant, request.id));
      const found = await this.#options.redis.mgetBuffer(keys);
      apart.forEach((request, i) => payloads.set(request.id, found[i] ?? new Uint8Array(0)));
    }
    return payloads;
  }
}

function requestsOf(data: Bundle): BundledRequest[] {
  if (data?.v !== 1 || !Array.isArray(data.requests))
    throw new UnrecoverableError('not a bundle of version 1');
  return data.requests;
}
