import { AppError, isErrorCode } from '@frontier/contracts/errors';
import { versionKey, type ModelSpec } from '@frontier/contracts/model-spec';
import type { QueuePolicies } from '@frontier/contracts/queue';
import { endSpan, startSpan, traceparentOf } from '@frontier/kit/tracing';
import { Batcher } from '@frontier/policy/batcher';
import type { GenerationEnd__Output } from '@frontier/rpc/gen/dispatch/v1/GenerationEnd';
import type { TokenChunk__Output } from '@frontier/rpc/gen/dispatch/v1/TokenChunk';
import { batchLimits } from './limits.ts';
import type { DispatcherMetrics } from './metrics.ts';
import type { Sequence } from './sequence.ts';
import { cancelled, expired } from './work.ts';
import type { WorkerLink, WorkerPool } from './worker-link.ts';

/** Losses of a worker that a sequence may see: while it was all that the worker ran, and in company. */
const MAX_CRASHES_ALONE = 2;
const MAX_CRASHES = 8;
const HUNG_MS = 5_000;

export interface GenerationLaneOptions {
  spec: ModelSpec;
  policies: QueuePolicies;
  workers: WorkerPool;
  metrics: DispatcherMetrics;
  /** Sequences wait again that a worker had. */
  onAgain: (lane: GenerationLane) => void;
}

/** One generation model: sequences get a slot of a worker each; batches of decode steps form there. */
export class GenerationLane {
  readonly key: string;
  readonly spec: ModelSpec;
  readonly #options: GenerationLaneOptions;
  /** All that have not ended, here or with a worker. */
  readonly #sequences = new Set<Sequence>();
  readonly #running = new Map<string, Sequence>();
  /** Batches of one: the same order of priorities and tenants as everywhere. */
  readonly #waiting: Batcher<Sequence>;

  constructor(options: GenerationLaneOptions) {
    this.#options = options;
    this.spec = options.spec;
    this.key = versionKey(options.spec);
    this.#waiting = new Batcher(
      batchLimits(options.policies, { maxRows: 1, maxBytes: Infinity, windowMs: 0 }),
    );
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Nothing waits here or is with a worker. */
  get idle(): boolean {
    return this.#sequences.size === 0;
  }

  /** Takes out all that wait here and pass the test; they are to run in another lane. */
  withdraw(test: (sequence: Sequence) => boolean): Sequence[] {
    const leaving = [...this.#sequences].filter((one) => test(one) && this.#waiting.remove(one));
    for (const sequence of leaving) this.#sequences.delete(sequence);
    return leaving;
  }

  /** Its result is in `sequence.result`. */
  start(sequence: Sequence): void {
    if (sequence.options.source.again) return this.adopt([sequence]);
    this.#keep(sequence);
    this.#waiting.add(sequence);
    this.pump();
  }

  /** Sequences that have waited elsewhere: they go before new ones. */
  adopt(sequences: readonly Sequence[]): void {
    for (const sequence of sequences) this.#keep(sequence);
    this.#waiting.addFirst(sequences);
    this.pump();
  }

  pump(): void {
    for (;;) {
      const picked = this.#options.workers.pick(this.key);
      const sequence = picked && this.#waiting.take(performance.now(), true)?.items[0];
      if (!sequence) return;
      if (sequence.deadline <= performance.now()) sequence.fail(expired(), 'deadline');
      else this.#send(sequence, picked.link);
    }
  }

  /** Frees its slot at once, or takes it out of the queue. */
  cancel(sequence: Sequence): void {
    if (this.#waiting.remove(sequence)) sequence.fail(cancelled(), 'permanent');
    else if (this.#running.get(sequence.id) === sequence)
      sequence.link?.stream.send({ cancel: { ids: [sequence.id] } });
  }

  /** False: it is not of this lane (any more). */
  onChunk(link: WorkerLink, chunk: TokenChunk__Output): boolean {
    const sequence = this.#running.get(chunk.id);
    if (!sequence || sequence.link !== link || chunk.epoch !== sequence.epoch) return false;
    if (chunk.tokens.length > 0 && chunk.offset === sequence.made.length) {
      sequence.made.push(...chunk.tokens);
      const { id, epoch, offset, tokens, text } = chunk;
      sequence.options.onChunk({ id, epoch, offset, tokens, text });
      this.#options.metrics.tokens.inc({ model: this.spec.name }, tokens.length);
    }
    if (chunk.end) this.#end(sequence, chunk.end);
    return true;
  }

  /** What a lost worker had goes on elsewhere, from the tokens that it has. */
  onLost(link: WorkerLink): void {
    const lost = [...this.#running.values()].filter((sequence) => sequence.link === link);
    for (const sequence of lost) {
      this.#running.delete(sequence.id);
      if (sequence.span) endSpan(sequence.span, 'INTERNAL_ERROR');
      sequence.crashes += 1;
      if (lost.length === 1) sequence.crashesAlone += 1;
      if (sequence.crashes >= MAX_CRASHES || sequence.crashesAlone >= MAX_CRASHES_ALONE)
        sequence.fail(new AppError('INTERNAL_ERROR', 'its worker was lost again and again'), 'crash');
      else this.#waiting.addFirst([sequence]);
    }
    this.#options.metrics.requeued.inc({ model: this.spec.name, reason: 'worker_lost' }, lost.length);
    this.#options.onAgain(this);
    this.pump();
  }

  onTick(now: number): void {
    for (const sequence of this.#sequences) {
      if (sequence.deadline <= now && this.#waiting.remove(sequence)) sequence.fail(expired(), 'deadline');
    }
    for (const sequence of this.#running.values()) {
      if (sequence.deadline > now) continue;
      sequence.link?.stream.send({ cancel: { ids: [sequence.id] } });
      if (sequence.deadline + HUNG_MS > now) continue;
      this.#running.delete(sequence.id);
      sequence.fail(expired(), 'deadline');
    }
  }

  #keep(sequence: Sequence): void {
    this.#sequences.add(sequence);
    void sequence.result.then(() => this.#sequences.delete(sequence));
  }

  #send(sequence: Sequence, link: WorkerLink): void {
    const { source, prompt, params, seed } = sequence.options;
    const { name, version, generation } = this.spec;
    sequence.link = link;
    sequence.startedAt = performance.now();
    sequence.span = source.trace
      ? startSpan('dispatcher.generation', {
          kind: 'client',
          parent: source.trace,
          attributes: { model: name, version },
        })
      : undefined;
    this.#running.set(sequence.id, sequence);
    link.take(this.key);
    link.stream.send({
      generation: {
        item: { id: source.id, epoch: source.epoch, rows: 1 },
        model: name,
        version,
        prompt,
        sampling: {
          temperature: params.temperature ?? 1,
          top_k: params.top_k ?? 0,
          top_p: params.top_p ?? 1,
          seed,
          max_new_tokens: params.max_new_tokens ?? generation?.defaultMaxNewTokens ?? 64,
          stop: params.stop ?? [],
        },
        resume: sequence.made,
        traceparent: (sequence.span && traceparentOf(sequence.span)) ?? '',
        timeout_ms: Math.max(Math.ceil(source.deadline - performance.now()), 1),
      },
    });
  }

  #end(sequence: Sequence, end: GenerationEnd__Output): void {
    this.#running.delete(sequence.id);
    sequence.link?.give(this.key);
    if (sequence.span) endSpan(sequence.span, end.error?.code);
    // Tokens that were not made are given back to the tenant.
    this.#waiting.charge(sequence, sequence.made.length);
    if (end.error) {
      const { code, message, transient } = end.error;
      const error = new AppError(isErrorCode(code) ? code : 'INTERNAL_ERROR', message);
      sequence.fail(error, transient ? 'transient' : 'permanent');
    } else if (end.reason === 'cancelled') {
      if (sequence.deadline <= performance.now()) sequence.fail(expired(), 'deadline');
      else sequence.fail(cancelled(), 'permanent');
    } else {
      sequence.done({
        text: end.text,
        reason: end.reason === 'length' ? 'length' : 'stop',
        promptTokens: end.prompt_tokens,
        completionTokens: end.completion_tokens,
        computeMs: end.compute_us / 1000,
        waitedMs: sequence.startedAt - sequence.at,
      });
    }
    this.pump();
  }
}
