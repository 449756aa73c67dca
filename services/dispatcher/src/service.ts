import { hostname } from 'node:os';
import type { Registry } from 'prom-client';
import { PRIORITIES, type Shard } from '@frontier/contracts/queue';
import { failpoint } from '@frontier/kit/failpoint';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import { endSpan, startSpan, traceparentOf, tracingEnabled } from '@frontier/kit/tracing';
import { Catalogue } from '@frontier/model-store/catalogue';
import { openRepository } from '@frontier/model-store/repository';
import { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenBundle, TakenRequest } from '@frontier/redis/taken';
import { DispatchServer } from '@frontier/rpc/dispatch-server';
import type { Config } from './config.ts';
import { Ends } from './ends.ts';
import { Lanes } from './lanes.ts';
import { dispatcherMetrics, type DispatcherMetrics } from './metrics.ts';
import { Relay } from './relay.ts';
import { Runner } from './runner.ts';

/** Bundles that a shard's consumer may take ahead while there is room for their requests. */
const AHEAD = 64;

/** Takes bundles from the queues, forms batches for the workers, and gives each request its one end. */
export class Dispatcher implements Service {
  readonly #server: DispatchServer;
  readonly #queue: DispatchQueue;
  readonly #lanes: Lanes;
  readonly #runner: Runner;
  readonly #ends: Ends;
  readonly #catalogue: Catalogue;
  readonly #metrics: DispatcherMetrics;
  readonly #log: Logger;
  /** Requests of bundles that are just being taken. */
  #taking = 0;
  #depths: NodeJS.Timeout | undefined;
  #port = 0;

  constructor(config: Config, catalogue: Catalogue, log: Logger, registry: Registry) {
    const { queues: policies, maxBatchBytes, maxResultBytes } = config;
    this.#log = log;
    this.#catalogue = catalogue;
    const metrics = dispatcherMetrics(registry);
    this.#metrics = metrics;
    const onChange = () => this.#onCapacity();
    const lanes = new Lanes({ policies, maxBatchBytes, metrics, log, onChange });
    this.#lanes = lanes;
    const relay = new Relay((id) => lanes.cancel(id));
    const queue = new DispatchQueue({
      redisUrl: config.redisUrl,
      name: hostname(),
      shards: shardsOf(config),
      keptBytes: config.keptResultBytes,
      registry,
      policies,
      replication: { replicas: config.redisReplicas, timeoutMs: config.redisReplicaTimeoutMs },
      log,
      onBundle: (bundle) => this.#onBundle(bundle),
      isServed: (model, version) => this.#isServed(model, version),
      onTaking: (change) => {
        this.#taking += change;
        this.#makeRoom();
      },
    });
    this.#queue = queue;
    this.#ends = new Ends({ queue, policies, metrics });
    this.#runner = new Runner({ catalogue, lanes, relay, queue, maxBatchBytes, maxResultBytes, log });
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
    this.#port = await this.#server.start();
    await this.#queue.start();
    this.#depths = setInterval(() => void this.#readDepths(), 2_000);
    this.#log.info({ port: this.#port }, 'dispatching');
  }

  /** Takes no more, ends what it holds, then lets go of the workers. */
  async stop(): Promise<void> {
    clearInterval(this.#depths);
    await this.#queue.stop();
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

  /** An ensemble is served when all its steps are; what is not known here gets its error by being run. */
  #isServed(name: string, version: string): boolean {
    const spec = this.#catalogue.get(name, version)?.spec;
    if (!spec) return true;
    const specs = spec.ensemble
      ? spec.ensemble.steps.flatMap(({ model }) => this.#catalogue.get(model)?.spec ?? [])
      : [spec];
    return specs.every((step) => this.#lanes.serves(step));
  }

  #onCapacity(): void {
    this.#queue.unpark((model, version) => this.#isServed(model, version));
    this.#makeRoom();
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
    const { queueDepth, parked, deadLetters } = this.#metrics;
    for (const { shard, ...depth } of await this.#queue.depths().catch(() => [])) {
      const labels = { priority: shard.priority, pool: shard.pool };
      queueDepth.set(labels, depth.outstanding);
      parked.set(labels, depth.parked);
      deadLetters.set(labels, depth.deadLetters);
    }
  }
}

function shardsOf({ pools, shards }: Config): Shard[] {
  return PRIORITIES.flatMap((priority) =>
    pools.flatMap((pool) => Array.from({ length: shards }, (_, index) => ({ priority, pool, index }))),
  );
}

export async function createDispatcher(
  config: Config,
  { log, registry }: ServiceContext,
): Promise<Dispatcher> {
  const { models, faults } = await openRepository(config.modelRepository);
  for (const fault of faults) log.error(fault, 'a model is broken; it is not served');
  return new Dispatcher(config, new Catalogue(models), log, registry);
}
