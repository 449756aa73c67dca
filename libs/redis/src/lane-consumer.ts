import { DelayedError, Worker, type Job } from 'bullmq';
import type { QueuePolicy, Shard } from '@frontier/contracts/queue';
import type { Bundle, BundledRequest } from '@frontier/contracts/request';
import { failpoint } from '@frontier/kit/failpoint';
import type { Logger } from '@frontier/kit/logger';
import { readBundle } from './bundle.ts';
import type { RedisClient } from './connection.ts';
import { ownerOf, refOf, ShardKeys, type LaneName } from './keys.ts';
import { persistently } from './persistently.ts';
import { ShardScripts } from './scripts.ts';
import type { TakenBundle } from './taken.ts';

export interface ConsumerOptions {
  shard: Shard;
  policy: QueuePolicy;
  /** For calls. */
  redis: RedisClient;
  /** For waiting; BullMQ makes a second one of its kind. */
  blocking: RedisClient;
  log: Logger;
  /** Resolves when each request of the bundle has its terminal record, or is another's. */
  onBundle: (bundle: TakenBundle) => Promise<void>;
  /** A job that is no bundle. Resolves when it is kept as a dead letter. */
  onUnreadable: (shard: Shard, job: string, data: unknown) => Promise<void>;
  /** A bundle that BullMQ has given up. */
  onFailed: (shard: Shard, requests: readonly BundledRequest[]) => Promise<void>;
  /** Whether any worker runs what this request needs; what nobody runs is parked. */
  isServed: (request: BundledRequest) => boolean;
  /** A bundle came or went; `requests` more (fewer) are just being taken. */
  onTaking: (requests: number) => void;
}

/** Crashes are counted per request, in its record: BullMQ's own limit would fail a whole bundle. */
const UNLIMITED_STALLS = 1_000_000;
/**
 * A parked bundle is looked at again after as long as it has waited already, within these bounds; at once when this process
 * sees a worker for it. Another dispatcher may have one: while workers and dispatchers come and go, for a moment only.
 */
const PARK_MS = { least: 100, most: 2_000 };

type Verdict = 'run' | 'skip' | 'expired' | 'late' | 'committed' | 'parked';

interface Claimed {
  request: BundledRequest;
  verdict: Verdict;
  epoch: number;
  /** Unix ms by the clock of Redis. */
  deadline: number;
  crashes: number;
}

/** Takes bundles from one queue, as BullMQ jobs under a lock that is renewed for as long as they run. */
export class LaneConsumer {
  readonly lane: LaneName;
  readonly #options: ConsumerOptions;
  readonly #keys: ShardKeys;
  readonly #scripts: ShardScripts;
  readonly #worker: Worker<Bundle, void>;
  readonly #parked = new Map<string, { sides: BundledRequest[]; job: Job<Bundle, void> }>();
  #held = 0;
  #requests = 0;

  constructor(lane: LaneName, options: ConsumerOptions) {
    this.lane = lane;
    this.#options = options;
    this.#keys = new ShardKeys(options.shard);
    this.#scripts = new ShardScripts(options.redis, this.#keys);
    // A lost dispatcher's vip requests must still fit their 5 s when they run again.
    const vip = options.shard.priority === 'vip';
    this.#worker = new Worker<Bundle, void>(lane, (job, lock) => this.#process(job, lock as string), {
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
      options.log.debug({ queue: this.#worker.qualifiedName, err: error.message }, 'queue error');
    });
    this.#worker.on('failed', (job, error) => void this.#onFailed(job, error));
  }

  start(): void {
    void this.#worker.run();
  }

  /** Bundles that are held here now. */
  get held(): number {
    return this.#held;
  }

  /** Requests of the bundles that are held. */
  get requests(): number {
    return this.#requests;
  }

  /** As many bundles as it may hold are held: more may wait in Redis. */
  get full(): boolean {
    return this.#held >= this.#worker.concurrency;
  }

  /** Lets `bundles` more be taken than are held; one at least may always be held. */
  set ahead(bundles: number) {
    const wasFull = this.full;
    this.#worker.concurrency = Math.max(this.#held + bundles, 1);
    if (wasFull && !this.full) wake(this.#worker);
  }

  /** Workers run more now, or requests need less: what can be run is taken at once. */
  unpark(isServed: (request: BundledRequest) => boolean): void {
    for (const [id, { sides, job }] of this.#parked) {
      if (!sides.every(isServed)) continue;
      this.#parked.delete(id);
      // Another dispatcher may have been faster; and if this fails, its delay ends soon.
      job.promote().catch(() => undefined);
    }
  }

  /** Takes no more; resolves when all that it holds has ended. */
  async stop(): Promise<void> {
    await this.#worker.close();
  }

  async #process(job: Job<Bundle, void>, lock: string): Promise<void> {
    this.#held += 1;
    try {
      await this.#run(job, lock);
      await failpoint('dispatcher.finish.before', job.id);
    } catch (error) {
      if (error instanceof DelayedError) throw error;
      // BullMQ must not fail the bundle. This error says that it was moved: so it stays where it is until its lock is
      // over, and is taken again.
      this.#options.log.warn(
        { job: job.id, err: (error as Error).message },
        'a bundle is let go; it runs again',
      );
      throw new DelayedError();
    } finally {
      this.#held -= 1;
      this.#options.onTaking(0);
    }
  }

  async #run(job: Job<Bundle, void>, lock: string): Promise<void> {
    const { shard, onUnreadable } = this.#options;
    const id = job.id as string;
    this.#parked.delete(id);
    const read = readBundle(job.data);
    if (read === 'unreadable') return onUnreadable(shard, id, job.data);
    // Of a newer version: a dispatcher that knows it takes it.
    if (read === 'newer') return this.#putBack(job, lock);
    this.#requests += read.requests.length;
    try {
      await this.#runBundle(job, lock, read);
    } finally {
      this.#requests -= read.requests.length;
    }
  }

  async #runBundle(job: Job<Bundle, void>, lock: string, bundle: Bundle): Promise<void> {
    const { onBundle, isServed, onTaking } = this.#options;
    const { requests } = bundle;
    onTaking(requests.length);
    const sides = sidesOf(bundle);
    const served = sides.every(isServed);
    const taken = await this.#take(job, lock, bundle, served).finally(() => onTaking(-requests.length));
    await onBundle(taken.bundle);
    if (!taken.parked) return;
    if (this.#parked.size < 1_000) this.#parked.set(job.id as string, { sides, job });
    await failpoint('dispatcher.park.before', job.id);
    return this.#putBack(job, lock);
  }

  async #take(job: Job<Bundle, void>, lock: string, { requests, gateway }: Bundle, served: boolean) {
    const [{ model, version }] = requests as [BundledRequest];
    await failpoint('dispatcher.claim.before', job.id);
    const { now, claimed } = await this.#claim(job, requests, served ? '' : `${model}@${version}`);
    await failpoint('dispatcher.claim.after', job.id);
    return {
      bundle: await this.#taken(job, lock, gateway, now, claimed),
      parked: claimed.some(({ verdict }) => verdict === 'parked'),
    };
  }

  /** Back into its queue, for later; it stays the owner of its requests. */
  async #putBack(job: Job<Bundle, void>, lock: string): Promise<never> {
    const now = Date.now();
    const delay = Math.min(Math.max(now - job.timestamp, PARK_MS.least), PARK_MS.most);
    await job.moveToDelayed(now + delay, lock);
    throw new DelayedError();
  }

  async #claim(job: Job, requests: readonly BundledRequest[], park: string) {
    const pairs = requests.flatMap((request) => [refOf(request.tenant, request.id), request.epoch]);
    const owner = ownerOf(this.lane, job.id as string);
    const reply = await persistently(() =>
      this.#scripts.call('claim', [owner, job.stalledCounter, park, ...pairs]),
    );
    const [now, ...rest] = reply as [number, ...(string | number)[]];
    const claimed = requests.map((request, i): Claimed => {
      const [verdict, epoch, deadline, crashes] = rest.slice(i * 4, i * 4 + 4);
      return { request, verdict: verdict as Verdict, epoch: epoch as number, deadline: deadline as number, crashes: crashes as number }; // prettier-ignore
    });
    return { now, claimed };
  }

  async #taken(
    job: Job<Bundle>,
    lock: string,
    gateway: string,
    now: number,
    claimed: readonly Claimed[],
  ): Promise<TakenBundle> {
    const { shard } = this.#options;
    const bundle: TakenBundle = { shard, run: [], expired: [], late: [], committed: [] };
    const needed = claimed.filter(({ verdict }) => verdict !== 'skip' && verdict !== 'parked' && verdict !== 'committed'); // prettier-ignore
    const payloads = await this.#payloads(needed.map(({ request }) => request));
    const local = performance.now();
    for (const { request, verdict, epoch, deadline, crashes } of claimed) {
      if (verdict === 'skip' || verdict === 'parked') continue;
      const { inline: _inline, ...rest } = request;
      bundle[verdict].push({
        ...rest,
        epoch,
        crashes,
        payload: payloads.get(request.id) ?? new Uint8Array(0),
        ref: refOf(request.tenant, request.id),
        shard,
        gateway,
        owner: ownerOf(this.lane, job.id as string),
        lock,
        localDeadline: local + (deadline - now),
        waitedMs: Math.max(now - (deadline - request.timeoutMs), 0),
        rerun: crashes > 0 || this.lane === 'retry',
      });
    }
    return bundle;
  }

  async #payloads(requests: readonly BundledRequest[]): Promise<Map<string, Uint8Array>> {
    const payloads = new Map<string, Uint8Array>();
    const apart: BundledRequest[] = [];
    for (const request of requests) {
      if (request.inline === undefined) apart.push(request);
      else payloads.set(request.id, Buffer.from(request.inline, 'base64'));
    }
    if (apart.length > 0) {
      const keys = apart.map((request) => this.#keys.payloadPrefix + refOf(request.tenant, request.id));
      const found = await persistently(() => this.#options.redis.mgetBuffer(keys));
      apart.forEach((request, i) => payloads.set(request.id, found[i] ?? new Uint8Array(0)));
    }
    return payloads;
  }

  /** Nothing of ours throws while a bundle runs; should BullMQ fail one all the same, its requests get their end. */
  async #onFailed(job: Job<Bundle> | undefined, error: Error): Promise<void> {
    const { log, shard, onFailed } = this.#options;
    log.error({ queue: this.#worker.qualifiedName, job: job?.id, err: error.message }, 'a bundle failed');
    const read = readBundle(job?.data);
    if (typeof read === 'string') return;
    await onFailed(shard, read.requests).catch((cause: Error) =>
      log.error({ job: job?.id, err: cause.message }, 'the requests of a failed bundle wait for the sweeper'),
    );
  }
}

/**
 * BullMQ's loop sleeps while it holds as many jobs as it may, and does not see that it may hold more; this is how its
 * own `resume` wakes it. Should a later version have no such queue, more room is used when the next bundle ends.
 */
function wake(worker: Worker): void {
  const { mainLoopQueue } = worker as unknown as { mainLoopQueue?: { add(job: Promise<void>): void } | null };
  mainLoopQueue?.add(Promise.resolve());
}

/** One request of each side: all of a bundle name one version, but where they run may depend on their side, too. */
function sidesOf({ requests }: Bundle): BundledRequest[] {
  return [...new Map(requests.map((request) => [request.variant, request])).values()];
}
