import { hostname } from 'node:os';
import type { Registry } from 'prom-client';
import { PRIORITIES, type Shard } from '@frontier/contracts/queue';
import { failpoint } from '@frontier/kit/failpoint';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import { endSpan, startSpan, traceparentOf, tracingEnabled } from '@frontier/kit/tracing';
import type { Repository } from '@frontier/model-store/repository';
import { repositoryOptions } from '@frontier/model-store/settings';
import { RepositoryWatcher } from '@frontier/model-store/watch';
import { DispatchQueue, type Depth } from '@frontier/redis/dispatch-queue';
import type { TakenBundle, TakenRequest } from '@frontier/redis/taken';
import { TrafficWatch } from '@frontier/redis/traffic-watch';
import { DispatchServer } from '@frontier/rpc/dispatch-server';
import type { Config } from './config.ts';
import { Ends } from './ends.ts';
import { Lanes } from './lanes.ts';
import { dispatcherMetrics, type DispatcherMetrics } from './metrics.ts';
import { Relay } from './relay.ts';
import type { Assigned } from './repointing.ts';
import { Runner } from './runner.ts';
import { Serving } from './serving.ts';

/** A look at the repository takes a while, too. */
const LOOK_MS = 1_000;
/** A dispatcher that nobody has found by then takes work all the same: it asks for the versions that are wanted. */
const FIRST_WORKER_MS = 10_000;
/** Bundles that a shard's consumer may take ahead while there is room for their requests. */
const AHEAD = 64;

/** Takes bundles from the queues, forms batches for the workers, and gives each request its one end. */
export class Dispatcher implements Service {
  readonly #server: DispatchServer;
  readonly #queue: DispatchQueue;
  readonly #lanes: Lanes;
  readonly #runner: Runner;
  readonly #ends: Ends;
  readonly #repository: RepositoryWatcher;
  readonly #traffic: TrafficWatch;
  readonly #serving: Serving;
  readonly #metrics: DispatcherMetrics;
  readonly #log: Logger;
  /** Requests of bundles that are just being taken. */
  #taking = 0;
  #depths: NodeJS.Timeout | undefined;
  #firstWorker: NodeJS.Timeout | undefined;
  #port = 0;

  constructor(config: Config, log: Logger, registry: Registry) {
    const { queues: policies, maxBatchBytes, maxResultBytes, redisUrl } = config;
    this.#log = log;
    this.#repository = new RepositoryWatcher(repositoryOptions(config), (found) => this.#onRepository(found));
    this.#traffic = new TrafficWatch({ redisUrl, name: '', log, onChange: ({ model }) => this.#onTraffic(model) }); // prettier-ignore
    const serving = new Serving({
      traffic: this.#traffic,
      serves: (spec) => lanes.serves(spec),
      lateMs: config.modelPollMs + LOOK_MS,
    });
    this.#serving = serving;
    const metrics = dispatcherMetrics(registry);
    this.#metrics = metrics;
    const onChange = () => this.#onCapacity();
    const lanes = new Lanes({
      policies,
      maxBatchBytes,
      metrics,
      log,
      onChange,
      movedTo: (spec, source) => serving.movedTo(spec, source),
      isKnown: ({ name, version }) => serving.spec(name, version) !== undefined,
    });
    this.#lanes = lanes;
    const relay = new Relay((id) => lanes.cancel(id));
    const queue = new DispatchQueue({
      redisUrl,
      name: hostname(),
      shards: shardsOf(config),
      keptBytes: config.keptResultBytes,
      registry,
      policies,
      replication: { replicas: config.redisReplicas, timeoutMs: config.redisReplicaTimeoutMs },
      log,
      onBundle: (bundle) => this.#onBundle(bundle),
      isServed: (request) => this.#demand(request),
      onTaking: (change) => {
        this.#taking += change;
        this.#makeRoom();
      },
    });
    this.#queue = queue;
    this.#ends = new Ends({ queue, policies, metrics });
    this.#runner = new Runner({ serving, lanes, relay, queue, maxBatchBytes, maxResultBytes, log });
    this.#server = new DispatchServer({
      host: config.dispatchHost,
      port: config.dispatchPort,
      onWorker: (stream) => lanes.addWorker(stream),
      onGateway: (stream) => relay.add(stream),
    });
  }

  /** Where workers and gateways connect. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#onRepository(await this.#repository.start());
    await this.#traffic.start();
    this.#port = await this.#server.start();
    await this.#queue.start();
    this.#firstWorker = setTimeout(() => this.#take(), FIRST_WORKER_MS);
    this.#onCapacity();
    this.#depths = setInterval(() => void this.#readDepths(), 2_000);
    this.#log.info({ port: this.#port }, 'dispatching');
  }

  /** Takes no more, ends what it holds, then lets go of the workers. */
  async stop(): Promise<void> {
    clearInterval(this.#depths);
    clearTimeout(this.#firstWorker);
    this.#firstWorker = undefined;
    await this.#repository.stop();
    await this.#queue.stop();
    await this.#traffic.stop();
    this.#lanes.stop();
    await this.#server.stop(1_000);
  }

  ready(): true | string {
    return true;
  }

  async #onBundle({ run, expired, late, committed }: TakenBundle): Promise<void> {
    await Promise.all([
      ...expired.map((request) => this.#ends.expire(request)),
      this.#ends.bury(late),
      this.#queue.republish(committed),
      ...run.map((request) => this.#run(request)),
    ]);
  }

  async #run(request: TakenRequest): Promise<void> {
    this.#metrics.queueWait.observe({ priority: request.shard.priority }, request.waitedMs / 1000);
    const span =
      request.trace !== undefined && tracingEnabled()
        ? startSpan('dispatcher.run', {
            kind: 'consumer',
            parent: request.trace,
            attributes: {
              'tenant.id': request.tenant,
              model: request.model,
              'queue.wait_ms': request.waitedMs,
            },
          })
        : undefined;
    const traced = span ? { ...request, trace: traceparentOf(span) } : request;
    await failpoint('dispatcher.run.before', request.id);
    const end = this.#ends.refuse(request) ?? (await this.#runner.run(traced));
    await failpoint('dispatcher.run.after', request.id);
    await this.#ends.conclude(request, end);
    if (span) endSpan(span, end.settled.outcome.error?.code);
  }

  #onRepository({ models, faults }: Repository): void {
    for (const fault of faults) this.#log.error(fault, 'a model version is faulty');
    this.#serving.replace(models);
  }

  /** What waits, here or parked, may run as another version from now on. */
  #onTraffic(model: string): void {
    this.#lanes.move(model);
    this.#onCapacity();
  }

  /** Whether a worker runs it; else those that could are asked to load what is missing. */
  #demand(request: Assigned): boolean {
    const missing = this.#serving.missing(request);
    for (const spec of missing) this.#lanes.want(spec);
    return missing.length === 0;
  }

  #onCapacity(): void {
    if (this.#firstWorker && this.#lanes.hasWorker) this.#take();
    this.#queue.unpark((request) => this.#serving.missing(request).length === 0);
    this.#makeRoom();
  }

  /** A dispatcher that has just begun has no worker yet: what it took would have to wait, and others have some. */
  #take(): void {
    clearTimeout(this.#firstWorker);
    this.#firstWorker = undefined;
    this.#queue.take();
  }

  /**
   * Waiting work belongs into Redis, where it is durable and others can take it: bundles are taken ahead only while
   * what is held here stays under twice of what free credits would take, and about two batches of each priority.
   */
  #makeRoom(): void {
    const { waiting, free } = this.#lanes.load();
    const held = waiting + this.#taking;
    this.#queue.setAhead(held < 2 * free ? AHEAD : held === 0 ? 1 : 0);
  }

  async #readDepths(): Promise<void> {
    const { queueDepth, parked, deadLetters, predictedWait } = this.#metrics;
    const depths = await this.#queue.depths().catch(() => []);
    for (const { shard, ...depth } of depths) {
      const labels = { priority: shard.priority, pool: shard.pool };
      queueDepth.set(labels, depth.outstanding);
      parked.set(labels, depth.parked);
      deadLetters.set(labels, depth.deadLetters);
      predictedWait.set(labels, depth.waitS);
    }
    if (depths.length > 0) this.#countModels(depths);
  }

  /** A known version without requests is 0 rather than missing: to whoever scales by it these are not the same. */
  #countModels(depths: readonly Depth[]): void {
    const { outstanding } = this.#metrics;
    outstanding.reset();
    const pools = new Set(depths.map(({ shard }) => shard.pool));
    for (const { name: model, version, pools: able } of this.#serving.specs)
      for (const pool of able) if (pools.has(pool)) outstanding.set({ model, version, pool }, 0);
    for (const { shard, models } of depths) {
      for (const [key, count] of Object.entries(models)) {
        const at = key.lastIndexOf('@');
        const [model, version] = [key.slice(0, at), key.slice(at + 1)];
        outstanding.inc({ model, version, pool: shard.pool }, count);
      }
    }
  }
}

function shardsOf({ pools, shards }: Config): Shard[] {
  return PRIORITIES.flatMap((priority) =>
    pools.flatMap((pool) => Array.from({ length: shards }, (_, index) => ({ priority, pool, index }))),
  );
}

export function createDispatcher(config: Config, { log, registry }: ServiceContext): Dispatcher {
  return new Dispatcher(config, log, registry);
}
