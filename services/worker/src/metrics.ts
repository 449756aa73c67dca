import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { exponential, latencyBuckets } from '@frontier/kit/metrics';

const MODEL = ['model', 'version', 'pool'] as const;
type Labels = Record<(typeof MODEL)[number], string>;

/** How a generation model's slots are used; `idleRows` since the start. */
export interface GenerationUse {
  labels: Labels;
  busySlots: number;
  idleRows: number;
}

/** What the worker tells Prometheus. `generations` and `memory`, in bytes, are asked when Prometheus asks. */
export function workerMetrics(registry: Registry, generations: () => GenerationUse[], memory: () => number) {
  return {
    ...workMetrics(registry),
    ...modelMetrics(registry),
    ...loadMetrics(registry, generations),
    memory: new Gauge({
      name: 'worker_model_memory_bytes',
      help: 'Memory of the loaded versions, by the estimate that MODEL_MEMORY_BYTES bounds',
      registers: [registry],
      collect() {
        this.set(memory());
      },
    }),
  };
}

export type WorkerMetrics = ReturnType<typeof workerMetrics>;

/** Of batches and sequences. */
function workMetrics(registry: Registry) {
  const common = { labelNames: MODEL, registers: [registry] };
  const seconds = { ...common, buckets: latencyBuckets };
  return {
    inferenceTime: new Histogram({ ...seconds, name: 'worker_inference_seconds', help: 'From the receipt of a batch or sequence to its answer' }), // prettier-ignore
    computeTime: new Histogram({ ...seconds, name: 'worker_compute_seconds', help: 'Execution of a batch, its processing included' }), // prettier-ignore
    firstToken: new Histogram({ ...seconds, name: 'worker_first_token_seconds', help: 'From the receipt of a sequence to its first token' }), // prettier-ignore
    rows: new Counter({ ...common, name: 'worker_rows_total', help: 'Rows executed' }),
    tokens: new Counter({
      name: 'worker_tokens_total',
      help: 'Tokens by kind: prompt or completion',
      labelNames: [...MODEL, 'kind'],
      registers: [registry],
    }),
    failures: new Counter({
      name: 'worker_failures_total',
      help: 'Batches and sequences that failed as a whole, by error code',
      labelNames: [...MODEL, 'code'],
      registers: [registry],
    }),
  };
}

/** Of models and their threads. */
function modelMetrics(registry: Registry) {
  const common = { labelNames: MODEL, registers: [registry] };
  return {
    loadTime: new Histogram({
      ...common,
      name: 'model_load_seconds',
      help: 'Loading and warming up one instance of a model',
      buckets: exponential(0.05, 2, 12),
    }),
    loadFailures: new Counter({ ...common, name: 'model_load_failures_total', help: 'Versions that could not be loaded' }), // prettier-ignore
    unloads: new Counter({ ...common, name: 'model_unloads_total', help: 'Versions that were unloaded: gone, or idle and in the way' }), // prettier-ignore
    restarts: new Counter({ ...common, name: 'model_restarts_total', help: 'Threads of a model that died' }),
    fallbacks: new Counter({
      name: 'execution_provider_fallback_total',
      help: 'Instances that did not get an execution provider that was preferred',
      labelNames: [...MODEL, 'wanted', 'got'],
      registers: [registry],
    }),
  };
}

/** Of how much is going on. */
function loadMetrics(registry: Registry, generations: () => GenerationUse[]) {
  const registers = [registry];
  const common = { labelNames: MODEL, registers };
  return {
    capacity: new Gauge({
      ...common,
      name: 'worker_capacity',
      help: 'Batches (sequences) that may be here at once',
    }),
    busy: new Gauge({ ...common, name: 'worker_busy', help: 'Batches (sequences) that are here: executing or waiting' }), // prettier-ignore
    slotsBusy: new Gauge({
      ...common,
      name: 'worker_slots_busy',
      help: 'Slots of the running batch in use',
      collect() {
        for (const { labels, busySlots } of generations()) this.set(labels, busySlots);
      },
    }),
    padding: new Counter({
      ...common,
      name: 'worker_padding_rows_total',
      help: 'Rows computed for nobody: idle slots of decode steps; batches of whole requests have none',
      collect() {
        this.reset();
        for (const { labels, idleRows } of generations()) this.inc(labels, idleRows);
      },
    }),
    utilisation: new Gauge({ name: 'worker_utilisation', help: 'Share of WORKER_CONCURRENCY that executes now, 0 to 1', registers }), // prettier-ignore
    dispatchers: new Gauge({ name: 'worker_dispatchers', help: 'Dispatchers that are connected', registers }),
  };
}
