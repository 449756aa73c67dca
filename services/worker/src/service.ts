import { randomUUID } from 'node:crypto';
import { hostname, totalmem } from 'node:os';
import { sleep } from '@frontier/kit/abort';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import { AddressWatcher } from '@frontier/rpc/addresses';
import type { Config } from './config.ts';
import { DispatcherLink } from './dispatcher-link.ts';
import { Executor } from './executor.ts';
import { LinkWork } from './link-work.ts';
import { loadModels, type ReadyModel } from './loaded-models.ts';
import { workerMetrics, type GenerationUse, type WorkerMetrics } from './metrics.ts';

const DRAIN_POLL_MS = 20;

/** Loads the models of its pool, offers them to every dispatcher and runs what it is given. */
export class WorkerService implements Service {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #metrics: WorkerMetrics;
  readonly #executor: Executor;
  readonly #watcher: AddressWatcher;
  readonly #links = new Map<string, DispatcherLink>();
  /** Of dispatchers that are going: what they gave is still to be answered. */
  readonly #retired = new Set<DispatcherLink>();
  readonly #id = `${hostname()}-${randomUUID().slice(0, 8)}`;
  #models: ReadonlyMap<string, ReadyModel> = new Map();
  #connected = 0;

  constructor(config: Config, { log, registry }: Pick<ServiceContext, 'log' | 'registry'>) {
    this.#config = config;
    this.#log = log;
    this.#metrics = workerMetrics(registry, () => this.#generations());
    const { workerConcurrency: concurrency } = config;
    this.#executor = new Executor(concurrency, (running) =>
      this.#metrics.utilisation.set(running / concurrency),
    );
    this.#watcher = new AddressWatcher({
      addresses: config.dispatchers,
      everyMs: config.resolveEveryMs,
      onAdd: (endpoint) => this.#links.set(endpoint, this.#open(endpoint)),
      onRemove: (endpoint) => this.#remove(endpoint),
    });
  }

  /** Resolves when the models are loaded; dispatchers are found and connected from then on. */
  async start(): Promise<void> {
    const { modelRepository, models, pool, executionProviders } = this.#config;
    this.#models = await loadModels({
      repository: modelRepository,
      only: models,
      pool,
      providers: executionProviders,
      metrics: this.#metrics,
      log: this.#log,
    });
    for (const { offer, labels } of this.#models.values()) this.#metrics.capacity.set(labels, offer.capacity);
    this.#watcher.start();
  }

  ready(): true | string {
    return this.#connected > 0 || 'no dispatcher is connected';
  }

  /** Takes nothing new, ends what runs within DRAIN_MS, hands back the rest. */
  async stop(): Promise<void> {
    this.#watcher.stop();
    const links = [...this.#links.values(), ...this.#retired];
    for (const link of links) link.drain();
    const deadline = performance.now() + this.#config.drainMs;
    while (links.some((link) => link.size > 0) && performance.now() < deadline) await sleep(DRAIN_POLL_MS);
    await Promise.all(links.map((link) => link.close()));
    await Promise.all([...this.#models.values()].map(({ loaded }) => loaded.close()));
  }

  #open(endpoint: string): DispatcherLink {
    const context = { models: this.#models, metrics: this.#metrics };
    return new DispatcherLink({
      endpoint,
      register: {
        worker_id: this.#id,
        pool: this.#config.pool,
        memory_bytes: totalmem(),
        models: [...this.#models.values()].map(({ offer }) => offer),
      },
      sharers: () => this.#links.size,
      work: (send) => new LinkWork(context, this.#executor, send),
      onState: (connected) => this.#onState(endpoint, connected),
      log: this.#log,
    });
  }

  #remove(endpoint: string): void {
    const link = this.#links.get(endpoint);
    if (!link) return;
    this.#links.delete(endpoint);
    this.#retired.add(link);
    link.retire();
    void link.over.then(() => this.#retired.delete(link));
    for (const other of this.#links.values()) other.grant();
  }

  #onState(endpoint: string, connected: boolean): void {
    this.#connected += connected ? 1 : -1;
    this.#metrics.dispatchers.set(this.#connected);
    this.#log.info({ endpoint }, connected ? 'dispatcher connected' : 'dispatcher lost');
  }

  #generations(): GenerationUse[] {
    return [...this.#models.values()].flatMap(({ loaded, labels }) =>
      loaded.kind === 'generation'
        ? [{ labels, busySlots: loaded.busySlots, idleRows: loaded.idleRows }]
        : [],
    );
  }
}
