import { AppError } from '@frontier/contracts/errors';
import type { Priority, QueuePolicies } from '@frontier/contracts/queue';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import { versionKey } from '@frontier/contracts/model-spec';
import type { Logger } from '@frontier/kit/logger';
import { endSpan, startSpan, traceparentOf, tracingEnabled, type Span } from '@frontier/kit/tracing';
import { Batcher } from '@frontier/policy/batcher';
import { bisect } from '@frontier/policy/bisect';
import type { BatchResult__Output } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import { packBatch, unpackResult, type SentBatch } from './batches.ts';
import { batchLimits } from './limits.ts';
import type { DispatcherMetrics } from './metrics.ts';
import { cancelled, expired, setApart, type Failure, type WorkItem, type WorkResult } from './work.ts';
import type { WorkerLink, WorkerPool } from './worker-link.ts';

export interface LaneOptions {
  spec: ModelSpec;
  policies: QueuePolicies;
  maxBatchBytes: number;
  workers: WorkerPool;
  metrics: DispatcherMetrics;
  log: Logger;
  /** What waits here, or the credit that is free, has become less or more. */
  onChange: () => void;
  /** Items wait again that a worker had. */
  onAgain: (lane: Lane) => void;
}

/** A worker that holds a batch for this long after its last deadline is taken for hung; its answer is not awaited. */
const HUNG_MS = 5_000;
/** An item whose worker was lost twice while it ran alone is why: it is not tried a third time. */
const MAX_CRASHES_ALONE = 2;
/** How fast the measured cost of a row follows the last batch. */
const COST_SMOOTHING = 0.2;

interface UnderWay {
  batch: SentBatch;
  link: WorkerLink;
  priority: Priority;
  span: Span | undefined;
}

/** One model version: its batcher, and the batches of it that workers have. */
export class Lane {
  readonly key: string;
  readonly #options: LaneOptions;
  readonly #batcher: Batcher<WorkItem>;
  /** All that have not ended, here or with a worker. */
  readonly #items = new Set<WorkItem>();
  readonly #underWay = new Map<string, UnderWay>();
  readonly #ofPriority: Record<Priority, number> = { vip: 0, standard: 0, low: 0 };
  #pumpScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  /** Measured: what a row takes of a worker's time, ms. */
  #rowCost = 1;

  constructor(options: LaneOptions) {
    const { spec, policies, maxBatchBytes } = options;
    this.#options = options;
    this.key = versionKey(spec);
    this.#batcher = new Batcher(batchLimits(policies, { ...spec.batching, maxBytes: maxBatchBytes }));
  }

  /** Items that no worker has. */
  get waiting(): number {
    return this.#batcher.size;
  }

  get spec(): ModelSpec {
    return this.#options.spec;
  }

  /** Nothing waits here or is with a worker. */
  get idle(): boolean {
    return this.#items.size === 0;
  }

  run(item: WorkItem): Promise<WorkResult> {
    if (item.source.again) {
      this.adopt([item]);
    } else {
      this.#keep(item);
      this.#batcher.add(item);
      this.pump();
    }
    return item.result;
  }

  /** Items that have waited elsewhere: they go before new work. */
  adopt(items: readonly WorkItem[]): void {
    for (const item of items) this.#keep(item);
    this.#batcher.addFirst(items);
    this.pump();
  }

  /** Takes an item out that no worker has. What a worker has runs to its end; nobody will hear of it. */
  cancel(item: WorkItem): void {
    if (this.#batcher.remove(item)) item.fail(cancelled(), 'permanent');
  }

  /** Takes out all that wait here and pass the test; they are to run in another lane. */
  withdraw(test: (item: WorkItem) => boolean): WorkItem[] {
    const leaving = [...this.#items].filter((item) => test(item) && this.#batcher.remove(item));
    for (const item of leaving) this.#items.delete(item);
    return leaving;
  }

  /** Gives workers what is due, at the end of this turn: what arrives together leaves together. */
  pump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pumpNow();
      this.#options.onChange();
    });
  }

  /** False: the batch is not of this lane (any more). */
  onResult(link: WorkerLink, result: BatchResult__Output): boolean {
    const underWay = this.#underWay.get(result.batch_id);
    if (!underWay || underWay.link !== link) return false;
    this.#end(underWay, result.error?.code);
    link.give(this.key);
    const unpacked = unpackResult(underWay.batch, result);
    const { items } = underWay.batch;
    if ('whole' in unpacked) {
      if (unpacked.rubbish) this.#onRubbish(link, unpacked.whole);
      this.#onBatchFailed(items, unpacked.whole);
    } else {
      this.#measure(items, result.compute_us / 1000);
      unpacked.items.forEach((outcome, i) => items[i]?.end(outcome));
    }
    this.pump();
    return true;
  }

  /** What a lost worker had runs again at once, ahead of new work. */
  onLost(link: WorkerLink): void {
    for (const underWay of this.#underWay.values()) {
      if (underWay.link !== link) continue;
      this.#end(underWay, 'INTERNAL_ERROR');
      const { items } = underWay.batch;
      const [alone] = items;
      if (items.length === 1 && alone) {
        alone.crashesAlone += 1;
        if (alone.crashesAlone >= MAX_CRASHES_ALONE) {
          alone.fail(new AppError('INTERNAL_ERROR', 'its worker was lost twice while nothing else ran there'), 'crash'); // prettier-ignore
          continue;
        }
      }
      this.#again(items, 'worker_lost');
    }
    this.pump();
  }

  /** Ends what is overdue: in the batcher, and with workers that seem to hang. */
  onTick(now: number): void {
    for (const item of this.#items) {
      if (item.source.deadline <= now && this.#batcher.remove(item)) item.fail(expired(), 'deadline');
    }
    for (const underWay of this.#underWay.values()) {
      if (underWay.batch.deadline + HUNG_MS > now) continue;
      this.#options.log.warn(
        { worker: underWay.link.id, model: this.key },
        'a batch is overdue; its worker may hang',
      );
      this.#end(underWay, 'TIMEOUT');
      for (const item of underWay.batch.items) item.fail(expired(), 'deadline');
    }
  }

  #keep(item: WorkItem): void {
    item.cost = item.rows * this.#rowCost;
    this.#items.add(item);
    void item.result.then(() => this.#items.delete(item));
  }

  #pumpNow(): void {
    clearTimeout(this.#timer);
    const { workers, policies } = this.#options;
    const mayStart = (priority: Priority) => this.#ofPriority[priority] < policies[priority].concurrency;
    while (this.#batcher.size > 0) {
      const picked = workers.pick(this.key);
      if (!picked) return;
      const now = performance.now();
      const formed = this.#batcher.take(now, picked.idle, mayStart);
      if (!formed) {
        const wakeAt = this.#batcher.wakeAt(picked.idle, mayStart);
        if (wakeAt !== undefined) this.#timer = setTimeout(() => this.#pumpNow(), Math.max(wakeAt - now, 1));
        return;
      }
      const items = formed.items.filter((item) => this.#inTime(item));
      if (items.length > 0) this.#send(picked.link, items, formed.reason);
    }
  }

  #inTime(item: WorkItem): boolean {
    if (item.source.deadline > performance.now()) return true;
    item.fail(expired(), 'deadline');
    return false;
  }

  #send(link: WorkerLink, items: WorkItem[], reason: string): void {
    const { spec, metrics } = this.#options;
    const span = this.#startSpan(items);
    const { sent, message } = packBatch(spec, items, (span && traceparentOf(span)) ?? '');
    const priority = (items[0] as WorkItem).priority;
    this.#underWay.set(sent.id, { batch: sent, link, priority, span });
    this.#ofPriority[priority] += 1;
    link.take(this.key);
    link.stream.send({ batch: message });
    metrics.batchSize.observe({ priority, model: spec.name }, items.length);
    metrics.batchRows.observe({ model: spec.name }, items.reduce((rows, item) => rows + item.rows, 0)); // prettier-ignore
    metrics.flushes.inc({ model: spec.name, reason });
    metrics.formingTime.observe({ priority }, (sent.sentAt - (items[0] as WorkItem).at) / 1000);
  }

  /** In the trace of the first sampled request; those of the others are linked. */
  #startSpan(items: WorkItem[]): Span | undefined {
    if (!tracingEnabled()) return undefined;
    const traces = items.flatMap((item) => item.source.trace ?? []);
    const [parent, ...links] = traces;
    if (!parent) return undefined;
    const attributes = { model: this.#options.spec.name, version: this.#options.spec.version, 'batch.size': items.length }; // prettier-ignore
    return startSpan('dispatcher.batch', { kind: 'client', parent, links, attributes });
  }

  #end({ batch, priority, span }: UnderWay, errorCode: string | undefined): void {
    this.#underWay.delete(batch.id);
    this.#ofPriority[priority] -= 1;
    if (span) endSpan(span, errorCode);
  }

  /**
   * A failure of a whole batch is charged to nobody: any of its items may be why. Its halves run again apart, until the
   * one that fails is alone. One that will pass is everybody's own: each is tried again later.
   */
  #onBatchFailed(items: WorkItem[], whole: Failure): void {
    if (items.length > 1 && whole.kind === 'permanent') this.#again(items, 'bisected');
    else for (const item of items) item.end(whole);
  }

  #onRubbish(link: WorkerLink, { error }: Failure): void {
    const { metrics, spec, log } = this.#options;
    metrics.rubbish.inc({ model: spec.name });
    log.error({ worker: link.id, model: this.key, err: error.message }, 'a worker gave a wrong answer');
  }

  /** Ahead of new work, in halves that do not meet again. */
  #again(items: WorkItem[], reason: string): void {
    for (const half of bisect(items)) {
      setApart(half);
      this.#batcher.addFirst(half);
    }
    this.#options.metrics.requeued.inc({ model: this.#options.spec.name, reason }, items.length);
    this.#options.onAgain(this);
  }

  /** Corrects what tenants were charged, and what the next rows will be. */
  #measure(items: WorkItem[], computeMs: number): void {
    const rows = items.reduce((sum, item) => sum + item.rows, 0);
    const perRow = computeMs / rows;
    for (const item of items) this.#batcher.charge(item, item.rows * perRow);
    this.#rowCost += COST_SMOOTHING * (perRow - this.#rowCost);
  }
}
