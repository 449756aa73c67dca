import type { Pool } from '@frontier/contracts/queue';
import { versionKey } from '@frontier/contracts/model-spec';
import type { Logger } from '@frontier/kit/logger';
import { loadModel, type LoadedModel } from '@frontier/model-runtime/load-model';
import type { ThreadEvents } from '@frontier/model-runtime/model-thread';
import type { Provider, Ready } from '@frontier/model-runtime/protocol';
import type { StoredModel } from '@frontier/model-store/repository';
import { verifyUnchanged, type Trust } from '@frontier/model-store/verify';
import type { ModelOffer } from '@frontier/rpc/gen/dispatch/v1/ModelOffer';
import type { WorkerMetrics } from './metrics.ts';

export interface LoadOptions {
  /** `name` or `name@version`; none: all. */
  only: readonly string[];
  pool: Pool;
  providers: readonly Provider[];
  trust: Trust;
  metrics: WorkerMetrics;
  log: Logger;
}

export type Offer = Required<Pick<ModelOffer, 'name' | 'version' | 'capacity' | 'instances' | 'provider'>>;

/** A model that is ready, with the labels of its metrics. */
export interface ReadyModel {
  loaded: LoadedModel;
  offer: Offer;
  labels: { model: string; version: string; pool: Pool };
  /** Batches and sequences that are here, and when the last of them came or went (`performance.now()`). */
  underWay: number;
  usedAt: number;
}

/** What this worker may run; the dispatcher runs the steps of ensembles. */
export function mayRun({ spec }: StoredModel, { only, pool }: Pick<LoadOptions, 'only' | 'pool'>): boolean {
  if (spec.platform !== 'onnx' || !spec.pools.includes(pool)) return false;
  return only.length === 0 || only.includes(spec.name) || only.includes(versionKey(spec));
}

/** Loads a version and warms it up: it has run when this resolves. Rejects when it cannot be loaded or does not run. */
export async function loadReady(model: StoredModel, options: LoadOptions): Promise<ReadyModel> {
  const { pool, providers, trust } = options;
  const { name, version, instances } = model.spec;
  const labels = { model: name, version, pool };
  let provider: Provider = 'cpu';
  const events = threadEvents(options, labels, (used) => (provider = used));
  await verifyUnchanged(model, trust);
  const loaded = await loadModel({ model, providers, events });
  const computing = loaded.kind === 'batch' ? instances : loaded.capacity;
  const offer = { name, version, capacity: loaded.capacity, instances: computing, provider };
  return { loaded, labels, offer, underWay: 0, usedAt: performance.now() };
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
