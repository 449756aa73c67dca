import { versionKey } from '@frontier/contracts/model-spec';
import type { Pool } from '@frontier/contracts/queue';
import type { Logger } from '@frontier/kit/logger';
import { loadModel, type LoadedModel } from '@frontier/model-runtime/load-model';
import type { ThreadEvents } from '@frontier/model-runtime/model-thread';
import type { Provider, Ready } from '@frontier/model-runtime/protocol';
import { openRepository, type StoredModel } from '@frontier/model-store/repository';
import type { ModelOffer } from '@frontier/rpc/gen/dispatch/v1/ModelOffer';
import type { WorkerMetrics } from './metrics.ts';

export interface LoadOptions {
  repository: readonly string[];
  /** `name` or `name@version`; none: all. */
  only: readonly string[];
  pool: Pool;
  providers: readonly Provider[];
  metrics: WorkerMetrics;
  log: Logger;
}

/** A model that is ready, with the labels of its metrics. */
export interface ReadyModel {
  loaded: LoadedModel;
  offer: Required<Pick<ModelOffer, 'name' | 'version' | 'capacity' | 'instances' | 'provider'>>;
  labels: { model: string; version: string; pool: Pool };
}

/**
 * Loads, all at once, what this pool may run and what is not an ensemble (the dispatcher runs the steps of those).
 * A model that cannot be loaded is logged and left out; throws when none is left.
 */
export async function loadModels(options: LoadOptions): Promise<Map<string, ReadyModel>> {
  const { log, repository } = options;
  const { models, faults } = await openRepository(repository);
  for (const fault of faults) log.error(fault, 'a model version is faulty and left out');
  const wanted = models.filter((model) => isWanted(model, options));
  const ready = await Promise.all(wanted.map((model) => loadOne(model, options)));
  const found = new Map(ready.flatMap((model) => (model ? [[versionKey(model.offer), model] as const] : [])));
  if (found.size === 0) throw new Error(`no model could be loaded from ${repository.join(', ')}`);
  return found;
}

function isWanted({ spec }: StoredModel, { only, pool }: LoadOptions): boolean {
  if (spec.platform !== 'onnx' || !spec.pools.includes(pool)) return false;
  return only.length === 0 || only.includes(spec.name) || only.includes(versionKey(spec));
}

async function loadOne(model: StoredModel, options: LoadOptions): Promise<ReadyModel | undefined> {
  const { pool, providers, log } = options;
  const { name, version, instances } = model.spec;
  const labels = { model: name, version, pool };
  let provider: Provider = 'cpu';
  const events = threadEvents(options, labels, (used) => (provider = used));
  try {
    const loaded = await loadModel({ model, providers, events });
    const computing = loaded.kind === 'batch' ? instances : loaded.capacity;
    return {
      loaded,
      labels,
      offer: { name, version, capacity: loaded.capacity, instances: computing, provider },
    };
  } catch (error) {
    log.error({ ...labels, err: error }, 'a model cannot be loaded and is left out');
    return undefined;
  }
}

function threadEvents(
  { metrics, log }: LoadOptions,
  labels: ReadyModel['labels'],
  onProvider: (provider: Provider) => void,
): ThreadEvents {
  return {
    ready: (_, { provider, fallbacks, loadSeconds }: Ready) => {
      onProvider(provider);
      metrics.loadTime.observe(labels, loadSeconds);
      for (const { provider: wanted, reason } of fallbacks) {
        metrics.fallbacks.inc({ ...labels, wanted, got: provider });
        log.warn(
          { ...labels, wanted, got: provider, reason },
          'execution provider is not available, fell back',
        );
      }
      log.info({ ...labels, provider, loadSeconds: Number(loadSeconds.toFixed(3)) }, 'model ready');
    },
    down: (_, error, restartMs) => {
      metrics.restarts.inc(labels);
      log.error({ ...labels, err: error, restartMs }, 'the thread of a model died');
    },
  };
}
