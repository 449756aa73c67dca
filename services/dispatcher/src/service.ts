import { hostname } from 'node:os';
import type { Registry } from 'prom-client';
import { PRIORITIES, type Shard } from '@frontier/contracts/queue';
import type { Settled } from '@frontier/contracts/request';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import { endSpan, startSpan, traceparentOf, tracingEnabled } from '@frontier/kit/tracing';
import { Catalogue } from '@frontier/model-store/catalogue';
import { openRepository } from '@frontier/model-store/repository';
import { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenBundle, TakenRequest } from '@frontier/redis/shard-consumer';
import { DispatchServer } from '@frontier/rpc/dispatch-server';
import type { Config } from './config.ts';
import { Lanes } from './lanes.ts';
import { dispatcherMetrics, type DispatcherMetrics } from './metrics.ts';
import { Relay } from './relay.ts';
import { failed, Runner } from './runner.ts';
import { expired } from './work.ts';

/** Bundles that a shard's consumer may take ahead while there is room for their requests. */
const AHEAD = 64;

/** Takes bundles from the queues, forms batches for the workers, and gives each request its one end. */
export class Dispatcher implements Service {
  readonly #server: DispatchServer;
  readonly #queue: DispatchQueue;
  readonly #lanes: Lanes;
  readonly #runner: Runner;
  readonly #metrics: DispatcherMetrics;
  readonly #log: Logger;
  readonly #held = new Map<string, number>();
  #depths: NodeJS.Timeout | undefined;
  #port = 0;

  constructor(config: Config, catalogue: Catalogue, log: Logger, registry: Registry) {
    const { queues: policies, maxBatchBytes } = config;
    this.#log = log;
    this.#metrics = dispatcherMetrics(registry);
    this.#lanes = new Lanes({ policies, maxBatchBytes, metrics: this.#metrics, log });
    const relay = new Relay((id) => this.#lanes.cancel(id));
    this.#queue = new DispatchQueue({
      redisUrl: config.redisUrl,
      name: hostname(),
      shards: shardsOf(config),
      policies,
      replication: { replicas: config.redisReplicas, timeoutMs: config.redisReplicaTimeoutMs },
      log,
      onBundle: (bundle) => this.#onBundle(bundle),
    });
    const { maxResultBytes } = config;
    this.#runner = new Runner({
      catalogue,
      lanes: this.#lanes,
      relay,
      policies,
      queue: this.#queue,
      maxResultBytes,
      log,
    });
    this.#server = new DispatchServer({
      host: config.dispatchHost,
      port: config.dispatchPort,
      onWorker: (stream) => this.#lanes.addWorker(stream),
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

  async #onBundle({ run, expired: late, committed }: TakenBundle): Promise<void> {
    const shard = (run[0] ?? late[0] ?? committed[0])?.shard;
    if (!shard) return;
    this.#hold(shard, 1);
    try {
      await Promise.all([
        ...late.map((request) => this.#settle(request, failed(request, expired()))),
        this.#queue.republish(committed),
        ...run.map((request) => this.#run(request)),
      ]);
    } finally {
      this.#hold(shard, -1);
    }
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
    const settled = await this.#runner.run(traced);
    await this.#settle(request, settled);
    if (span) endSpan(span, settled.outcome.error?.code);
  }

  async #settle(request: TakenRequest, settled: Settled): Promise<void> {
    const { priority } = request.shard;
    if (await this.#queue.commit(request, settled)) {
      this.#metrics.settled.inc({ priority, model: request.model, status: settled.outcome.status });
    } else {
      this.#metrics.refusedCommits.inc();
    }
  }

  /**
   * Waiting work belongs into Redis, where it is durable and others can take it: bundles are taken ahead only while
   * what is held here stays under twice of what free credits would take, and always one.
   */
  #hold(shard: Shard, change: 1 | -1): void {
    const keyOf = ({ priority, pool, index }: Shard) => `${priority}/${pool}/${index}`;
    this.#held.set(keyOf(shard), (this.#held.get(keyOf(shard)) ?? 0) + change);
    const { held, free } = this.#lanes.load();
    const ahead = held < 2 * free ? AHEAD : held === 0 ? 1 : 0;
    this.#queue.setConcurrency((s) => (this.#held.get(keyOf(s)) ?? 0) + ahead);
  }

  async #readDepths(): Promise<void> {
    for (const { shard, depth } of await this.#queue.depths().catch(() => [])) {
      this.#metrics.queueDepth.set({ priority: shard.priority, pool: shard.pool }, depth);
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
