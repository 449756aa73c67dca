import type { ModelSpec } from '@frontier/contracts/model-spec';
import { versionKey } from '@frontier/contracts/model-spec';
import type { QueuePolicies } from '@frontier/contracts/queue';
import type { Logger } from '@frontier/kit/logger';
import type { WorkerMessage__Output } from '@frontier/rpc/gen/dispatch/v1/WorkerMessage';
import type { WorkerStream } from '@frontier/rpc/dispatch-server';
import { GenerationLane } from './generation-lane.ts';
import { Lane } from './lane.ts';
import type { DispatcherMetrics } from './metrics.ts';
import type { Sequence } from './sequence.ts';
import type { WorkItem, WorkSource } from './work.ts';
import { WorkerLink, WorkerPool } from './worker-link.ts';

export interface LanesOptions {
  policies: QueuePolicies;
  maxBatchBytes: number;
  metrics: DispatcherMetrics;
  log: Logger;
  /** What can be run, or how much of it at once, has changed. */
  onChange: () => void;
  /** Where work that waits for a version runs now; undefined: there. */
  movedTo: (spec: ModelSpec, source: WorkSource) => ModelSpec | undefined;
  /** Whether this version is in the repository. */
  isKnown: (spec: ModelSpec) => boolean;
}

/** The part of a lane that moving takes. */
interface Movable<T> {
  readonly spec: ModelSpec;
  withdraw(test: (item: T) => boolean): T[];
  adopt(items: readonly T[]): void;
}

/** Who waits for a version that no worker runs looks again after about twice this. */
const WISH_EVERY_MS = 1_000;

/** All lanes, one a model version, and the workers that serve them. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #workers = new WorkerPool();
  readonly #batch = new Map<string, Lane>();
  readonly #generation = new Map<string, GenerationLane>();
  /** When workers were last asked for a version. */
  readonly #wishes = new Map<string, number>();
  readonly #cancels = new Map<string, Set<() => void>>();
  readonly #ticker: NodeJS.Timeout;

  constructor(options: LanesOptions) {
    this.#options = options;
    // From the start: that nobody has come yet is what an alert must see.
    this.#countWorkers();
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
      const onAgain = (lane: Lane) => this.#move(lane, (to) => this.batch(to));
      lane = new Lane({ ...this.#options, spec, workers: this.#workers, onAgain });
      this.#batch.set(key, lane);
    }
    return lane;
  }

  generation(spec: ModelSpec): GenerationLane {
    const key = versionKey(spec);
    let lane = this.#generation.get(key);
    if (!lane) {
      const { policies, metrics } = this.#options;
      const onAgain = (lane: GenerationLane) => this.#move(lane, (to) => this.generation(to));
      lane = new GenerationLane({ spec, policies, metrics, workers: this.#workers, onAgain });
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

  /** Whether any worker that stays has registered. */
  get hasWorker(): boolean {
    return [...this.#workers.links].some((link) => link.id !== '' && !link.draining);
  }

  cancel(id: string): void {
    for (const stop of this.#cancels.get(id) ?? []) stop();
  }

  /** Wherever it waits by now. */
  cancelItem(item: WorkItem): void {
    for (const lane of this.#batch.values()) lane.cancel(item);
  }

  cancelSequence(sequence: Sequence): void {
    for (const lane of this.#generation.values()) lane.cancel(sequence);
  }

  /** Asks the workers that may run this version to load it. */
  want(spec: ModelSpec): void {
    const key = versionKey(spec);
    const now = performance.now();
    if (now - (this.#wishes.get(key) ?? -Infinity) < WISH_EVERY_MS) return;
    this.#wishes.set(key, now);
    const { name, version, pools } = spec;
    for (const { draining, pool, stream } of this.#workers.links) {
      if (!draining && pools.includes(pool)) stream.send({ wanted: { models: [{ name, version }] } });
    }
  }

  /** What runs as another version from now on goes there, unless a worker has it. */
  move(model: string): void {
    for (const lane of this.#batch.values())
      if (lane.spec.name === model) this.#move(lane, (to) => this.batch(to));
    for (const lane of this.#generation.values())
      if (lane.spec.name === model) this.#move(lane, (to) => this.generation(to));
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

  /** All that leaves a lane goes to the same one, that of the stable version. */
  #move<T extends { source: WorkSource }>(lane: Movable<T>, laneOf: (spec: ModelSpec) => Movable<T>): void {
    const targetOf = ({ source }: T) => this.#options.movedTo(lane.spec, source);
    const leaving = lane.withdraw((item) => targetOf(item) !== undefined);
    const target = leaving[0] && targetOf(leaving[0]);
    if (!target) return;
    for (const { source } of leaving) if (source.model === target.name) source.version = target.version;
    this.#options.metrics.requeued.inc({ model: target.name, reason: 'repointed' }, leaving.length);
    laneOf(target).adopt(leaving);
  }

  #pump(key: string): void {
    this.#batch.get(key)?.pump();
    this.#generation.get(key)?.pump();
  }

  #tick(): void {
    const now = performance.now();
    for (const lane of this.#batch.values()) lane.onTick(now);
    for (const lane of this.#generation.values()) lane.onTick(now);
    for (const lanes of [this.#batch, this.#generation]) {
      for (const lane of lanes.values()) this.#tend(lane, lanes);
    }
  }

  #tend({ spec, key, idle, waiting }: Lane | GenerationLane, lanes: Map<string, unknown>): void {
    const { metrics, isKnown } = this.#options;
    const labels = { model: spec.name, version: spec.version };
    if (idle && !isKnown(spec) && !this.serves(spec)) {
      lanes.delete(key);
      this.#wishes.delete(key);
      metrics.credits.remove(labels);
      return;
    }
    if (waiting > 0 && !this.serves(spec)) this.want(spec);
    metrics.credits.set(labels, this.#workers.credits(key));
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
