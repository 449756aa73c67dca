import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { sleep } from '@frontier/kit/abort';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import type { Repository } from '@frontier/model-store/repository';
import { repositoryOptions } from '@frontier/model-store/settings';
import type { Trust } from '@frontier/model-store/verify';
import { RepositoryWatcher } from '@frontier/model-store/watch';
import { AddressWatcher } from '@frontier/rpc/addresses';
import type { Config } from './config.ts';
import { DispatcherLink } from './dispatcher-link.ts';
import { Executor } from './executor.ts';
import { LinkWork } from './link-work.ts';
import { loadReady, mayRun, type LoadOptions } from './loading.ts';
import { workerMetrics, type GenerationUse, type WorkerMetrics } from './metrics.ts';
import { ModelSet } from './model-set.ts';

const DRAIN_POLL_MS = 20;

/** Loads the models of its pool as they come and go, offers them to every dispatcher and runs what it is given. */
export class WorkerService implements Service {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #metrics: WorkerMetrics;
  readonly #executor: Executor;
  readonly #repository: RepositoryWatcher;
  readonly #trust: Trust;
  readonly #models: ModelSet;
  readonly #watcher: AddressWatcher;
  readonly #links = new Map<string, DispatcherLink>();
  /** Of dispatchers that are going: what they gave is still to be answered. */
  readonly #retired = new Set<DispatcherLink>();
  readonly #id = `${hostname()}-${randomUUID().slice(0, 8)}`;
  /** Faults of the repository that were told. */
  #faults = new Set<string>();
  #connected = 0;

  constructor(config: Config, { log, registry }: Pick<ServiceContext, 'log' | 'registry'>) {
    this.#config = config;
    this.#log = log;
    this.#metrics = workerMetrics(registry, () => this.#generations(), () => this.#models.usedBytes); // prettier-ignore
    const repository = repositoryOptions(config);
    this.#trust = repository.trust;
    this.#models = this.#modelSet();
    this.#repository = new RepositoryWatcher(repository, (found) => this.#onRepository(found));
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
    await this.#onRepository(await this.#repository.start());
    await this.#models.settled();
    if (this.#models.offers().length === 0)
      throw new Error(`no model could be loaded from ${this.#config.modelRepository.join(', ')}`);
    this.#watcher.start();
  }

  ready(): true | string {
    return this.#connected > 0 || 'no dispatcher is connected';
  }

  /** Takes nothing new, ends what runs within DRAIN_MS, hands back the rest. */
  async stop(): Promise<void> {
    this.#watcher.stop();
    await this.#repository.stop();
    const links = [...this.#links.values(), ...this.#retired];
    for (const link of links) link.drain();
    const deadline = performance.now() + this.#config.drainMs;
    while (links.some((link) => link.size > 0) && performance.now() < deadline) await sleep(DRAIN_POLL_MS);
    await Promise.all(links.map((link) => link.close()));
    await this.#models.close();
  }

  #modelSet(): ModelSet {
    const { modelMemoryBytes: budget, modelIdleMs: idleMs } = this.#config;
    const { capacity, loadFailures, unloads } = this.#metrics;
    const options = this.#loadOptions();
    return new ModelSet({
      budget,
      idleMs,
      log: this.#log,
      load: (model) => loadReady(model, options),
      onChange: () => this.#onOffers(),
      onLoadFailed: ({ spec: { name, version } }) =>
        loadFailures.inc({ model: name, version, pool: options.pool }),
      onUnloaded: ({ labels }) => {
        capacity.remove(labels);
        unloads.inc(labels);
      },
    });
  }

  #loadOptions(): LoadOptions {
    const { models: only, pool, executionProviders: providers } = this.#config;
    return { only, pool, providers, trust: this.#trust, metrics: this.#metrics, log: this.#log };
  }

  async #onRepository({ models, faults }: Repository): Promise<void> {
    const told = this.#faults;
    this.#faults = new Set(faults.map(({ path, reason }) => `${path}: ${reason}`));
    for (const fault of this.#faults) {
      if (!told.has(fault)) this.#log.error({ fault }, 'a model version is faulty; what is loaded stays');
    }
    await this.#models.update(models.filter((model) => mayRun(model, this.#loadOptions())));
  }

  #onOffers(): void {
    for (const { offer, labels } of this.#models.all()) this.#metrics.capacity.set(labels, offer.capacity);
    for (const link of [...this.#links.values(), ...this.#retired]) link.announce();
  }

  #open(endpoint: string): DispatcherLink {
    const context = { models: this.#models, metrics: this.#metrics };
    const { pool, modelMemoryBytes: memory_bytes } = this.#config;
    return new DispatcherLink({
      endpoint,
      worker: { worker_id: this.#id, pool, memory_bytes },
      offers: () => this.#models.offers(),
      onWanted: (model) => this.#models.want(model),
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
    return this.#models
      .all()
      .flatMap(({ loaded, labels }) =>
        loaded.kind === 'generation'
          ? [{ labels, busySlots: loaded.busySlots, idleRows: loaded.idleRows }]
          : [],
      );
  }
}
