import type { FailureKind } from '@frontier/contracts/dead-letter';
import type { AppError } from '@frontier/contracts/errors';
import type { Priority } from '@frontier/contracts/queue';
import type { GenerationParams, TokenChunk } from '@frontier/contracts/request';
import type { Span } from '@frontier/kit/tracing';
import type { Batchable } from '@frontier/policy/batcher';
import { failure, type Failure, type WorkSource } from './work.ts';
import type { WorkerLink } from './worker-link.ts';

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
export class Sequence implements Batchable {
  readonly options: SequenceOptions;
  readonly at = performance.now();
  readonly result: Promise<SequenceResult | Failure>;
  /** All tokens of the answer so far: what another worker would prefill. */
  readonly made: number[];
  readonly key = '';
  readonly rows = 1;
  readonly bytes = 0;
  /** Tokens that it may make. */
  readonly cost: number;
  link: WorkerLink | undefined;
  span: Span | undefined;
  startedAt = 0;
  crashes = 0;
  /** Of these, those while its worker ran nothing else. */
  crashesAlone = 0;
  done!: (result: SequenceResult | Failure) => void;

  constructor(options: SequenceOptions, defaultMaxTokens = 64) {
    this.options = options;
    this.made = [...options.made];
    this.cost = options.params.max_new_tokens ?? defaultMaxTokens;
    this.result = new Promise((resolve) => {
      this.done = resolve;
    });
  }

  get source(): WorkSource {
    return this.options.source;
  }

  get id(): string {
    return this.options.source.id;
  }

  get epoch(): number {
    return this.options.source.epoch;
  }

  get tenant(): string {
    return this.options.source.tenant;
  }

  get waitedMs(): number {
    return this.options.source.waitedMs;
  }

  get priority(): Priority {
    return this.options.source.priority;
  }

  get deadline(): number {
    return this.options.source.deadline;
  }

  fail(error: AppError, kind: FailureKind): void {
    this.done(failure(error, kind));
  }
}
