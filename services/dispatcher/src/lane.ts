import { AppError } from '@frontier/contracts/errors';
import type { Priority, QueuePolicies } from '@frontier/contracts/queue';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import { versionKey } from '@frontier/contracts/model-spec';
import type { Logger } from '@frontier/kit/logger';
import { endSpan, startSpan, traceparentOf, tracingEnabled, type Span } from '@frontier/kit/tracing';
import { Batcher } from '@frontier/policy/batcher';
import type { BatchResult__Output } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import { packBatch, unpackResult, type SentBatch } from './batches.ts';
import type { DispatcherMetrics } from './metrics.ts';
import { cancelled, expired, type WorkItem, type WorkResult } from './work.ts';
import type { WorkerLink, WorkerPool } from './worker-link.ts';

export interface LaneOptions {
  spec: ModelSpec;
  policies: QueuePolicies;
  maxBatchBytes: number;
  workers: WorkerPool;
  metrics: DispatcherMetrics;
  log: Logger;
}

/** A worker that holds a batch for this long after its last deadline is taken for hung; its answer is not awaited. */
const HUNG_MS = 5_000;
/** An item whose worker was lost twice may be why: it is not tried a third time. */
const MAX_CRASHES = 2;

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
  readonly #underWay = new Map<string, UnderWay>();
  readonly #ofPriority: Record<Priority, number> = { vip: 0, standard: 0, low: 0 };
  #pumpScheduled = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions) {
    const { spec, policies, maxBatchBytes } = options;
    this.#options = options;
    this.key = versionKey(spec);
    this.#batcher = new Batcher({
      maxRows: spec.batching.maxRows,
      maxBytes: maxBatchBytes,
      windowMs: spec.batching.windowMs,
      maxItems: {
        vip: policies.vip.batchSize,
        standard: policies.standard.batchSize,
        low: policies.low.batchSize,
      },
      flushMs: { vip: policies.vip.flushMs, standard: policies.standard.flushMs, low: policies.low.flushMs },
    });
  }

  /** Items that no worker has. */
  get waiting(): number {
    return this.#batcher.size;
  }

  get spec(): ModelSpec {
    return this.#options.spec;
  }

  run(item: WorkItem): Promise<WorkResult> {
    this.#batcher.add(item);
    this.pump();
    return item.result;
  }

  /** Takes an item out that no worker has. What a worker has runs to its end; nobody will hear of it. */
  cancel(item: WorkItem): void {
    if (this.#batcher.remove(item)) item.fail(cancelled());
  }

  /** Gives workers what is due, at the end of this turn: what arrives together leaves together. */
  pump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pumpNow();
    });
  }

  /** False: the batch is not of this lane (any more). */
  onResult(link: WorkerLink, result: BatchResult__Output): boolean {
    const underWay = this.#underWay.get(result.batch_id);
    if (!underWay || underWay.link !== link) return false;
    this.#end(underWay, result.error?.code);
    link.give(this.key);
    const results = unpackResult(underWay.batch, result);
    const alone = underWay.batch.items.length === 1;
    results.forEach((outcome, i) => this.#conclude(underWay.batch.items[i] as WorkItem, outcome, alone));
    this.pump();
    return true;
  }

  /** What a lost worker had runs again at once, ahead of new work. */
  onLost(link: WorkerLink): void {
    for (const underWay of this.#underWay.values()) {
      if (underWay.link !== link) continue;
      this.#end(underWay, 'INTERNAL_ERROR');
      const again: WorkItem[] = [];
      for (const item of underWay.batch.items) {
        item.crashes += 1;
        if (item.crashes < MAX_CRASHES) again.push(item);
        else item.fail(new AppError('INTERNAL_ERROR', `its worker was lost ${item.crashes} times`));
      }
      this.#again(again, 'worker_lost');
    }
    this.pump();
  }

  /** Ends what is overdue: in the batcher, and with workers that seem to hang. */
  onTick(now: number): void {
    for (const underWay of this.#underWay.values()) {
      if (underWay.batch.deadline + HUNG_MS > now) continue;
      this.#options.log.warn(
        { worker: underWay.link.id, model: this.key },
        'a batch is overdue; its worker may hang',
      );
      this.#end(underWay, 'TIMEOUT');
      for (const item of underWay.batch.items) item.fail(expired());
    }
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
        const wakeAt = this.#batcher.wakeAt(picked.idle) ?? now;
        this.#timer = setTimeout(() => this.#pumpNow(), Math.max(wakeAt - now, 1));
        return;
      }
      const items = formed.items.filter((item) => this.#inTime(item));
      if (items.length > 0) this.#send(picked.link, items, formed.reason);
    }
  }

  #inTime(item: WorkItem): boolean {
    if (item.source.deadline > Date.now()) return true;
    item.fail(expired());
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

  /** An item's result, or another attempt: alone, if it may have spoilt its neighbours' batch or they its own. */
  #conclude(item: WorkItem, result: WorkResult, alone: boolean): void {
    if (result.ok) return item.end(result);
    item.attempts += 1;
    const mayRetry = result.transient && item.attempts < item.source.attempts;
    const blamed = !alone && result.error.code === 'INTERNAL_ERROR';
    if (!mayRetry && !blamed) return item.end(result);
    item.isolate();
    this.#again([item], blamed ? 'alone' : 'transient');
  }

  #again(items: WorkItem[], reason: string): void {
    this.#batcher.addFirst(items);
    this.#options.metrics.requeued.inc({ model: this.#options.spec.name, reason }, items.length);
  }
}
