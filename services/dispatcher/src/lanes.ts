import type { ModelSpec } from '@frontier/contracts/model-spec';
import { versionKey } from '@frontier/contracts/model-spec';
import type { QueuePolicies } from '@frontier/contracts/queue';
import type { Logger } from '@frontier/kit/logger';
import type { WorkerMessage__Output } from '@frontier/rpc/gen/dispatch/v1/WorkerMessage';
import type { WorkerStream } from '@frontier/rpc/dispatch-server';
import { GenerationLane } from './generation-lane.ts';
import { Lane } from './lane.ts';
import type { DispatcherMetrics } from './metrics.ts';
import { WorkerLink, WorkerPool } from './worker-link.ts';

export interface LanesOptions {
  policies: QueuePolicies;
  maxBatchBytes: number;
  metrics: DispatcherMetrics;
  log: Logger;
  /** What can be run, or how much of it at once, has changed. */
  onChange: () => void;
}

/** All lanes, one a model version, and the workers that serve them. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #workers = new WorkerPool();
  readonly #batch = new Map<string, Lane>();
  readonly #generation = new Map<string, GenerationLane>();
  readonly #cancels = new Map<string, Set<() => void>>();
  readonly #ticker: NodeJS.Timeout;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.#tick(), 500);
  }

  stop(): void {
    clearInterval(this.#ticker);
    for (const link of this.#workers.links) link.stream.close();
  }

  batch(spec: ModelSpec): Lane {
    const key = versionKey(spec);
    let lane = this.#batch.get(key);
    if (!lane) {
      lane = new Lane({ ...this.#options, spec, workers: this.#workers });
      this.#batch.set(key, lane);
    }
    return lane;
  }

  generation(spec: ModelSpec): GenerationLane {
    const key = versionKey(spec);
    let lane = this.#generation.get(key);
    if (!lane) {
      const { policies, metrics } = this.#options;
      lane = new GenerationLane({ spec, policies, metrics, workers: this.#workers });
      this.#generation.set(key, lane);
    }
    return lane;
  }

  /** Calls `stop` when inference `id` is cancelled, until the returned function is called. */
  onCancel(id: string, stop: () => void): () => void {
    const stops = this.#cancels.get(id) ?? new Set();
    stops.add(stop);
    this.#cancels.set(id, stops);
    return () => {
      stops.delete(stop);
      if (stops.size === 0) this.#cancels.delete(id);
    };
  }

  /** Whether any worker that stays runs this version. */
  serves(spec: ModelSpec): boolean {
    return this.#workers.serves(versionKey(spec));
  }

  cancel(id: string): void {
    for (const stop of this.#cancels.get(id) ?? []) stop();
  }

  /**
   * Requests held here that no worker has, and requests that free credits would take. What waits for a model that
   * no worker serves does not count: it must not keep others from being taken.
   */
  load(): { waiting: number; free: number } {
    let waiting = 0;
    let free = 0;
    for (const lane of this.#batch.values()) {
      if (!this.#workers.serves(lane.key)) continue;
      waiting += lane.waiting;
      free += this.#workers.credits(lane.key) * lane.spec.batching.maxRows;
    }
    for (const lane of this.#generation.values()) {
      if (!this.#workers.serves(lane.key)) continue;
      waiting += lane.waiting;
      free += this.#workers.credits(lane.key);
    }
    return { waiting, free };
  }

  addWorker(stream: WorkerStream): void {
    const link = new WorkerLink(stream);
    this.#workers.add(link);
    stream.onMessage((message) => this.#onMessage(link, message));
    stream.onClose(() => this.#onLost(link));
  }

  #onMessage(link: WorkerLink, message: WorkerMessage__Output): void {
    const { metrics, log } = this.#options;
    if (message.register) {
      link.register(message.register);
      this.#countWorkers();
      log.info({ worker: link.id, pool: link.pool, models: [...link.offers.keys()] }, 'a worker registered');
      this.#options.onChange();
    } else if (message.credit) {
      const key = versionKey({ name: message.credit.model, version: message.credit.version });
      link.grant(key, message.credit.count);
      this.#pump(key);
      this.#options.onChange();
    } else if (message.result) {
      const { result } = message;
      if (!some(this.#batch, (lane) => lane.onResult(link, result))) metrics.ignored.inc({ what: 'result' });
    } else if (message.tokens) {
      const { tokens } = message;
      if (!some(this.#generation, (lane) => lane.onChunk(link, tokens)))
        metrics.ignored.inc({ what: 'tokens' });
    } else if (message.drain) {
      link.draining = true;
      log.info({ worker: link.id }, 'a worker drains');
    }
  }

  #onLost(link: WorkerLink): void {
    this.#workers.delete(link);
    this.#countWorkers();
    this.#options.log.info({ worker: link.id }, 'a worker left');
    for (const lane of this.#batch.values()) lane.onLost(link);
    for (const lane of this.#generation.values()) lane.onLost(link);
  }

  #pump(key: string): void {
    this.#batch.get(key)?.pump();
    this.#generation.get(key)?.pump();
  }

  #tick(): void {
    const now = performance.now();
    for (const lane of this.#batch.values()) lane.onTick(now);
    for (const lane of this.#generation.values()) lane.onTick(now);
    for (const { spec, key } of [...this.#batch.values(), ...this.#generation.values()]) {
      this.#options.metrics.credits.set(
        { model: spec.name, version: spec.version },
        this.#workers.credits(key),
      );
    }
  }

  #countWorkers(): void {
    for (const pool of ['gpu', 'cpu'] as const) {
      const count = [...this.#workers.links].filter((link) => link.id !== '' && link.pool === pool).length;
      this.#options.metrics.workers.set({ pool }, count);
    }
  }
}

function some<T>(map: Map<string, T>, test: (value: T) => boolean): boolean {
  for (const value of map.values()) if (test(value)) return true;
  return false;
}
