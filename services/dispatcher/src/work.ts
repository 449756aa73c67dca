import { randomUUID } from 'node:crypto';
import type { FailureKind } from '@frontier/contracts/dead-letter';
import { AppError, type WireError } from '@frontier/contracts/errors';
import type { Priority } from '@frontier/contracts/queue';
import type { AssignedVariant, Timing } from '@frontier/contracts/request';
import type { Tensor } from '@frontier/contracts/tensor';
import type { Batchable } from '@frontier/policy/batcher';
import { batchKey } from '@frontier/policy/rows';

/** An execution that gave no answer. `kind` says what may be done about it. */
export interface Failure {
  ok: false;
  error: WireError;
  kind: FailureKind;
}

/** What came of one execution. */
export type WorkResult = { ok: true; outputs: Tensor[]; timing: Timing } | Failure;

export interface WorkSource {
  /** The inference that this belongs to. */
  id: string;
  tenant: string;
  /** Of the request, also for a step of an ensemble. */
  model: string;
  /** As it runs: it changes when the request moves to another version while it waits. */
  version: string;
  variant: AssignedVariant | undefined;
  epoch: number;
  priority: Priority;
  /** In the queue, ms. */
  waitedMs: number;
  /** On the clock of `performance.now()`, ms. */
  deadline: number;
  trace: string | undefined;
  /** It has run before, or should have: it goes ahead of new work. */
  again: boolean;
}

/** One thing to execute: a request, a part of a large one, or a step of an ensemble. Lives in a batcher, then in a batch. */
export class WorkItem implements Batchable {
  readonly source: WorkSource;
  readonly inputs: Tensor[];
  readonly rows: number;
  readonly bytes: number;
  readonly at = performance.now();
  key: string;
  /** What it will take of its workers' time, about, ms. */
  cost = 1;
  /** Times that its worker was lost while nothing shared its batch. */
  crashesAlone = 0;
  readonly result: Promise<WorkResult>;
  #resolve!: (result: WorkResult) => void;

  constructor(source: WorkSource, inputs: Tensor[]) {
    this.source = source;
    this.inputs = inputs;
    this.rows = inputs[0]?.shape[0] ?? 1;
    this.bytes = inputs.reduce((sum, tensor) => sum + tensor.data.length, 0);
    // Control and canary are compared: each is batched like the other, and neither with the bulk of stable.
    const key = batchKey(inputs);
    this.key = source.variant === undefined ? key : `${source.variant} ${key}`;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get priority(): Priority {
    return this.source.priority;
  }

  get tenant(): string {
    return this.source.tenant;
  }

  get waitedMs(): number {
    return this.source.waitedMs;
  }

  end(result: WorkResult): void {
    this.#resolve(result);
  }

  fail(error: AppError, kind: FailureKind): void {
    this.end(failure(error, kind));
  }
}

/** From now on these share their batches with nobody else: one of them may be what made the last one fail. */
export function setApart(items: readonly WorkItem[]): void {
  const key = `apart:${randomUUID()}`;
  for (const item of items) item.key = key;
}

export function failure({ code, message, details }: AppError, kind: FailureKind): Failure {
  return { ok: false, error: { code, message, details }, kind };
}

export const expired = () => new AppError('TIMEOUT', 'the deadline passed before it could run');
export const cancelled = () => new AppError('CANCELLED', 'the request was cancelled');
