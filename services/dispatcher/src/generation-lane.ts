import { AppError, isErrorCode, type WireError } from '@frontier/contracts/errors';
import { versionKey, type ModelSpec } from '@frontier/contracts/model-spec';
import type { GenerationParams, TokenChunk } from '@frontier/contracts/request';
import { endSpan, startSpan, traceparentOf, type Span } from '@frontier/kit/tracing';
import type { GenerationEnd__Output } from '@frontier/rpc/gen/dispatch/v1/GenerationEnd';
import type { TokenChunk__Output } from '@frontier/rpc/gen/dispatch/v1/TokenChunk';
import { cancelled, expired, type WorkSource } from './work.ts';
import type { DispatcherMetrics } from './metrics.ts';
import type { WorkerLink, WorkerPool } from './worker-link.ts';

export interface SequenceResult {
  text: string;
  reason: 'stop' | 'length';
  promptTokens: number;
  completionTokens: number;
  computeMs: number;
  waitedMs: number;
}

export interface SequenceOptions {
  source: WorkSource;
  prompt: string;
  params: GenerationParams;
  seed: number;
  /** Tokens of the answer that an earlier run has made. */
  made: number[];
  onChunk: (chunk: TokenChunk) => void;
}

/** One text on its way; first it waits for a slot, then a worker has it. */
export class Sequence {
  readonly options: SequenceOptions;
  readonly at = performance.now();
  readonly result: Promise<SequenceResult>;
  /** All tokens of the answer so far: what another worker would prefill. */
  readonly made: number[];
  link: WorkerLink | undefined;
  span: Span | undefined;
  startedAt = 0;
  crashes = 0;
  done!: (result: SequenceResult) => void;
  fail!: (error: AppError) => void;

  constructor(options: SequenceOptions) {
    this.options = options;
    this.made = [...options.made];
    this.result = new Promise((resolve, reject) => {
      this.done = resolve;
      this.fail = reject;
    });
  }

  get id(): string {
    return this.options.source.id;
  }
}

const MAX_CRASHES = 2;
const HUNG_MS = 5_000;

export interface GenerationLaneOptions {
  spec: ModelSpec;
  workers: WorkerPool;
  metrics: DispatcherMetrics;
}

/** One generation model: sequences get a slot of a worker each; batches of decode steps form there. */
export class GenerationLane {
  readonly key: string;
  readonly spec: ModelSpec;
  readonly #options: GenerationLaneOptions;
  readonly #running = new Map<string, Sequence>();
  #waiting: Sequence[] = [];

  constructor(options: GenerationLaneOptions) {
    this.#options = options;
    this.spec = options.spec;
    this.key = versionKey(options.spec);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  run(options: SequenceOptions): Promise<SequenceResult> {
    const sequence = new Sequence(options);
    this.#enqueue(sequence, false);
    this.pump();
    return sequence.result;
  }

  pump(): void {
    while (this.#waiting.length > 0) {
      const picked = this.#options.workers.pick(this.key);
      if (!picked) return;
      const sequence = this.#waiting.shift() as Sequence;
      if (sequence.options.source.deadline <= Date.now()) sequence.fail(expired());
      else this.#start(sequence, picked.link);
    }
  }

  /** Frees its slot at once, or takes it out of the queue. */
  cancel(id: string): void {
    const running = this.#running.get(id);
    if (running) {
      running.link?.stream.send({ cancel: { ids: [id] } });
      return;
    }
    const waiting = this.#waiting.find((sequence) => sequence.id === id);
    if (!waiting) return;
    this.#waiting = this.#waiting.filter((sequence) => sequence !== waiting);
    waiting.fail(cancelled());
  }

  /** False: it is not of this lane (any more). */
  onChunk(link: WorkerLink, chunk: TokenChunk__Output): boolean {
    const sequence = this.#running.get(chunk.id);
    if (!sequence || sequence.link !== link || chunk.epoch !== sequence.options.source.epoch) return false;
    if (chunk.tokens.length > 0 && chunk.offset === sequence.made.length) {
      sequence.made.push(...chunk.tokens);
      const { id, epoch, offset, tokens, text } = chunk;
      sequence.options.onChunk({ id, epoch, offset, tokens, text });
      this.#options.metrics.tokens.inc({ model: this.spec.name }, tokens.length);
    }
    if (chunk.end) this.#end(sequence, chunk.end);
    return true;
  }

  /** Goes on elsewhere from the tokens that it has. */
  onLost(link: WorkerLink): void {
    for (const sequence of this.#running.values()) {
      if (sequence.link !== link) continue;
      this.#running.delete(sequence.id);
      if (sequence.span) endSpan(sequence.span, 'INTERNAL_ERROR');
      sequence.crashes += 1;
      if (sequence.crashes >= MAX_CRASHES)
        sequence.fail(new AppError('INTERNAL_ERROR', 'its worker was lost twice'));
      else this.#enqueue(sequence, true);
      this.#options.metrics.requeued.inc({ model: this.spec.name, reason: 'worker_lost' });
    }
    this.pump();
  }

  onTick(now: number): void {
    for (const sequence of this.#running.values()) {
      const { deadline } = sequence.options.source;
      if (deadline > now) continue;
      sequence.link?.stream.send({ cancel: { ids: [sequence.id] } });
      if (deadline + HUNG_MS > now) continue;
      this.#running.delete(sequence.id);
      sequence.fail(expired());
    }
  }

  /** vip before standard before low, each in order of arrival. */
  #enqueue(sequence: Sequence, first: boolean): void {
    const rank = (s: Sequence) => ['vip', 'standard', 'low'].indexOf(s.options.source.priority);
    if (first) this.#waiting.unshift(sequence);
    else this.#waiting.push(sequence);
    this.#waiting.sort((a, b) => rank(a) - rank(b));
  }

  #start(sequence: Sequence, link: WorkerLink): void {
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
        timeout_ms: Math.max(Math.ceil(source.deadline - Date.now()), 1),
      },
    });
  }

  #end(sequence: Sequence, end: GenerationEnd__Output): void {
    this.#running.delete(sequence.id);
    sequence.link?.give(this.key);
    if (sequence.span) endSpan(sequence.span, end.error?.code);
    if (end.error) sequence.fail(errorOf(end.error));
    else if (end.reason === 'cancelled')
      sequence.fail(sequence.options.source.deadline <= Date.now() ? expired() : cancelled()); // prettier-ignore
    else {
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

function errorOf(error: Pick<WireError, 'message'> & { code: string }): AppError {
  return new AppError(isErrorCode(error.code) ? error.code : 'INTERNAL_ERROR', error.message);
}
