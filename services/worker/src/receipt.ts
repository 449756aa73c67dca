import { AppError, type ErrorCode } from '@frontier/contracts/errors';
import { versionKey } from '@frontier/contracts/model-spec';
import { endSpan, startSpan, type Span } from '@frontier/kit/tracing';
import type { ReadyModel } from './loading.ts';
import type { WorkerMetrics } from './metrics.ts';

/** What batches and generations have in common. */
export interface WorkMessage {
  model: string;
  version: string;
  traceparent: string;
}

export interface WorkContext {
  models: { get(key: string): ReadyModel | undefined };
  metrics: WorkerMetrics;
}

/** One batch or sequence from its receipt to its answer: counted, timed, traced. */
export class Receipt {
  /** By `performance.now()`. */
  readonly at = performance.now();
  readonly #message: WorkMessage;
  readonly #ready: ReadyModel | undefined;
  readonly #metrics: WorkerMetrics;
  readonly #span: Span | undefined;

  constructor({ models, metrics }: WorkContext, message: WorkMessage, spanName: string) {
    const { model, version, traceparent } = message;
    this.#message = message;
    this.#metrics = metrics;
    this.#ready = models.get(versionKey({ name: model, version }));
    if (this.#ready) {
      this.#ready.underWay += 1;
      metrics.busy.inc(this.#ready.labels);
    }
    this.#span = traceparent === '' ? undefined : startSpan(spanName, { kind: 'server', parent: traceparent, attributes: { model, version } }); // prettier-ignore
  }

  /** Throws UNAVAILABLE for what this worker has never offered: another one may have it. */
  model<K extends ReadyModel['loaded']['kind']>(kind: K): Extract<ReadyModel['loaded'], { kind: K }> {
    const loaded = this.#ready?.loaded;
    if (loaded?.kind === kind) return loaded as Extract<ReadyModel['loaded'], { kind: K }>;
    throw new AppError(
      'UNAVAILABLE',
      `this worker does not offer ${this.#message.model}@${this.#message.version}`,
    );
  }

  /** Adds to the metrics of the model, which is known once `model` has returned. */
  record(add: (metrics: WorkerMetrics, labels: ReadyModel['labels']) => void): void {
    if (this.#ready) add(this.#metrics, this.#ready.labels);
  }

  /** It is answered. */
  end(failure?: ErrorCode): void {
    if (this.#ready) {
      this.#ready.underWay -= 1;
      this.#ready.usedAt = performance.now();
    }
    this.record((metrics, labels) => {
      metrics.busy.dec(labels);
      metrics.inferenceTime.observe(labels, (performance.now() - this.at) / 1000);
      if (failure) metrics.failures.inc({ ...labels, code: failure });
    });
    if (this.#span) endSpan(this.#span, failure);
  }
}
