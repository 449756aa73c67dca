import { Queue } from 'bullmq';
import { AppError, toWireError, type WireError } from '@frontier/contracts/errors';
import type { DeadLetter, FailureKind } from '@frontier/contracts/dead-letter';
import type { Shard } from '@frontier/contracts/queue';
import type { Bundle, BundledRequest, FailedAttempt, Outcome, Settled } from '@frontier/contracts/request';
import { failpoint } from '@frontier/kit/failpoint';
import { INLINE_BYTES } from './bundle.ts';
import { Committer } from './committer.ts';
import { DeadLetters } from './dead-letters.ts';
import { DrainRate } from './drain-rate.ts';
import { ownerOf, refOf } from './keys.ts';
import type { ConsumerOptions } from './lane-consumer.ts';
import { persistently } from './persistently.ts';
import { Redriver, RedriveSchedule, type RedriverOptions } from './redrive.ts';
import type { Replication } from './replication.ts';
import { sendReplies } from './reply-stream.ts';
import { ShardScripts } from './scripts.ts';
import { ShardConsumer } from './shard-consumer.ts';
import { ShardStore } from './shard-store.ts';
import type { TakenRequest } from './taken.ts';

export interface ShardDispatchOptions extends Omit<ConsumerOptions, 'onFailed' | 'onUnreadable'> {
  replication: Replication;
  /** Requests outstanding in this shard at most. */
  bound: number;
  /** Enqueues what is redriven. */
  producers: RedriverOptions['producers'];
}

/** What one shard has in Redis. */
export interface ShardDepth {
  /** Requests waiting or running. */
  outstanding: number;
  /** Requests of models without a worker. */
  parked: number;
  deadLetters: number;
  /** Requests outstanding or parked, by `<model>@<version>`. */
  models: Record<string, number>;
  /** How long a request that comes now waits, s; 0: hardly, or not known. */
  waitS: number;
}

/** A gateway ends its own requests at their deadline; the sweeper comes after it. */
const SWEEP_GRACE_MS = 2_000;
/** Of a job that nobody understands, characters that its dead letter shows. */
const SHOWN_DATA = 2_000;

/** One shard, as a dispatcher uses it: what it takes from it, and how each request ends or goes on. */
export class ShardDispatch {
  readonly shard: Shard;
  readonly consumer: ShardConsumer;
  readonly committer: Committer;
  readonly store: ShardStore;
  readonly deadLetters: DeadLetters;
  readonly #options: ShardDispatchOptions;
  readonly #scripts: ShardScripts;
  readonly #retries: Queue;
  readonly #redrives: RedriveSchedule;
  readonly #stopping = new AbortController();
  readonly #drain = new DrainRate();

  constructor(options: ShardDispatchOptions) {
    const { shard, redis, replication, log } = options;
    this.#options = options;
    this.shard = shard;
    this.store = new ShardStore(redis, shard);
    this.#scripts = new ShardScripts(redis, this.store.keys);
    this.committer = new Committer(redis, shard, replication, log);
    this.deadLetters = new DeadLetters({ redis, shard, log });
    this.#retries = new Queue('retry', {
      connection: redis,
      prefix: this.store.keys.prefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
    });
    this.#retries.on('error', () => undefined); // the connection's own handler logs it
    const { deadLetters: letters } = this;
    this.#redrives = new RedriveSchedule({
      redis,
      letters,
      log,
      bound: options.bound,
      signal: this.#stopping.signal,
      redriver: new Redriver({ redis, letters, producers: options.producers }),
    });
    this.consumer = new ShardConsumer({
      ...options,
      onFailed: (_shard, requests) => this.#onFailed(requests),
      onUnreadable: (_shard, job, data) => this.#onUnreadable(job, data),
    });
  }

  start(): void {
    this.consumer.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.consumer.stop();
    await Promise.all([this.#retries.close(), this.deadLetters.close()]);
  }

  async depth(): Promise<ShardDepth> {
    const { redis } = this.#options;
    const { keys } = this.store;
    const [all, parked, deadLetters, models, settled, ...waiting] = await Promise.all([
      redis.zcard(keys.outstanding),
      redis.hget(keys.held, '*').then(Number),
      this.deadLetters.size(),
      redis.hgetall(keys.models),
      redis.get(keys.settled).then(Number),
      ...(['main', 'overflow'] as const).map((lane) => redis.llen(`${keys.prefix}:${lane}:wait`)),
    ]);
    const outstanding = all - parked;
    const at = performance.now();
    this.#drain.observe({ at, settled, outstanding, backlog: waiting.reduce((sum, jobs) => sum + jobs, 0) });
    const perSecond = this.#drain.perSecond(at);
    return {
      outstanding,
      parked,
      deadLetters,
      models: Object.fromEntries(Object.entries(models).map(([model, count]) => [model, Number(count)])),
      waitS: perSecond > 0 ? outstanding / perSecond : 0,
    };
  }

  /** The job comes first: a crash before the handover leaves a job that owns nothing, which is dropped when it is met. */
  async retry(request: TakenRequest, failures: readonly FailedAttempt[], delayMs: number): Promise<void> {
    const epoch = request.epoch + 1;
    const job = `r-${request.id}-${epoch}`;
    const { gateway, model, ref, owner, lock } = request;
    const again = { ...bundledOf(request), epoch, failures: [...failures] };
    const bundle: Bundle = { v: 1, gateway, requests: [again] };
    await failpoint('dispatcher.retry-add.before', request.id);
    await persistently(() => this.#retries.add(model, bundle, { jobId: job, delay: Math.round(delayMs) }));
    await failpoint('dispatcher.retry-add.after', request.id);
    await persistently(() =>
      this.#scripts.call('handover', [ref, owner, lock, request.epoch, ownerOf('retry', job)]),
    );
    await failpoint('dispatcher.retry-handover.after', request.id);
  }

  /** The dead letter comes first: a crash before the end leaves one that is written again, never a failure without. */
  async fail(request: TakenRequest, kind: FailureKind, settled: Settled): Promise<boolean> {
    const error = settled.outcome.error ?? toWireError(new AppError('INTERNAL_ERROR', 'no reason was given'));
    await failpoint('dispatcher.dead-add.before', request.id);
    await this.#addLetter(request, kind, error);
    await failpoint('dispatcher.dead-add.after', request.id);
    if (await this.committer.commit(request, settled)) return true;
    // Ended by somebody else: what was not a failure needs no dead letter.
    const end = await this.store.terminal(request.ref);
    if (end?.outcome.status !== 'timeout' && end?.outcome.status !== 'failed')
      await this.deadLetters.remove(request.id);
    return false;
  }

  async bury(requests: readonly TakenRequest[], error: WireError): Promise<void> {
    for (const request of requests) await this.#addLetter(request, 'deadline', error);
    await persistently(() => this.#scripts.call('bury', requests.map(({ ref }) => ref))); // prettier-ignore
  }

  /** Ends what is overdue and was ended by nobody; lets the redrives of this hour begin. */
  async sweep(): Promise<void> {
    await failpoint('dispatcher.sweep.before');
    void this.#redrives.run();
    for (const ref of await this.store.sweep(SWEEP_GRACE_MS, 100)) {
      const error = toWireError(new AppError('TIMEOUT', 'the deadline passed before there was an answer'));
      await this.#endFromOutside(ref, { status: 'timeout', error });
    }
  }

  #addLetter(request: TakenRequest, kind: FailureKind, error: WireError): Promise<void> {
    const { id, tenant, model, version, crashes, failures = [], payload } = request;
    const letter: DeadLetter = {
      id,
      tenant,
      model,
      version,
      shard: this.shard,
      kind,
      error,
      crashes,
      attempts: failures.length,
      diedAt: Date.now(),
      request: bundledOf(request),
    };
    return persistently(() => this.deadLetters.add(letter, payload));
  }

  /** Should BullMQ fail a bundle by itself, its requests get their end, and there is nothing to be redriven. */
  async #onFailed(requests: readonly BundledRequest[]): Promise<void> {
    const error = toWireError(new AppError('INTERNAL_ERROR', 'the queue gave up the job of this request'));
    for (const { tenant, id } of requests) {
      await persistently(() => this.#endFromOutside(refOf(tenant, id), { status: 'failed', error }));
    }
  }

  async #endFromOutside(ref: string, outcome: Omit<Outcome, 'model' | 'version'>): Promise<void> {
    const { result, gateways } = await this.store.settle(ref, outcome);
    if (result !== 'settled') return;
    const id = ref.slice(ref.indexOf(':') + 1);
    await sendReplies(this.#options.redis, gateways.map((gateway) => ({ gateway, id, blob: Buffer.alloc(0) }))); // prettier-ignore
  }

  #onUnreadable(job: string, data: unknown): Promise<void> {
    const shown = (JSON.stringify(data) ?? String(data)).slice(0, SHOWN_DATA);
    const message = 'the data of this job are not a bundle of requests';
    this.#options.log.error({ job }, message);
    const none = { tenant: '', model: '', version: '' };
    const letter: DeadLetter = {
      id: job,
      ...none,
      shard: this.shard,
      kind: 'unreadable',
      attempts: 0,
      crashes: 0,
      error: { code: 'INTERNAL_ERROR', message, details: { data: shown } },
      diedAt: Date.now(),
      request: { id: job, ...none, epoch: 0, mode: 'job', timeoutMs: 0 },
      withoutPayload: true,
    };
    return persistently(() => this.deadLetters.add(letter, new Uint8Array(0)));
  }
}

/** The request as it lies in a job; a large payload stays under its key. */
function bundledOf(request: TakenRequest): BundledRequest {
  const {
    id,
    epoch,
    tenant,
    model,
    version,
    mode,
    timeoutMs,
    params,
    trace,
    variant,
    failures,
    redriveOf,
    redrives,
    payload,
  } = request;
  const inline =
    payload.length > INLINE_BYTES
      ? undefined
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64');
  return {
    id,
    epoch,
    tenant,
    model,
    version,
    mode,
    timeoutMs,
    params,
    trace,
    variant,
    failures,
    redriveOf,
    redrives,
    inline,
  };
}
