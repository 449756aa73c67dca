import { randomUUID } from 'node:crypto';
import { AppError, type WireError } from '@frontier/contracts/errors';
import type { Priority } from '@frontier/contracts/queue';
import type { Timing } from '@frontier/contracts/request';
import type { Tensor } from '@frontier/contracts/tensor';
import type { Batchable } from '@frontier/policy/batcher';
import { batchKey } from '@frontier/policy/rows';

/** What came of one execution. `transient`: another attempt may succeed. */
export type WorkResult =
  { ok: true; outputs: Tensor[]; timing: Timing } | { ok: false; error: WireError; transient: boolean };

export interface WorkSource {
  /** The inference that this belongs to. */
  id: string;
  epoch: number;
  priority: Priority;
  /** Unix ms by the clock of this process. */
  deadline: number;
  trace: string | undefined;
  /** Executions at most that may end in an error of its own. */
  attempts: number;
}

/** One thing to execute: a request, or a step of an ensemble. Lives in a batcher, then in a batch. */
export class WorkItem implements Batchable {
  readonly source: WorkSource;
  readonly inputs: Tensor[];
  readonly rows: number;
  readonly bytes: number;
  readonly at = performance.now();
  key: string;
  attempts = 0;
  crashes = 0;
  readonly result: Promise<WorkResult>;
  #resolve!: (result: WorkResult) => void;

  constructor(source: WorkSource, inputs: Tensor[]) {
    this.source = source;
    this.inputs = inputs;
    this.rows = inputs[0]?.shape[0] ?? 1;
    this.bytes = inputs.reduce((sum, tensor) => sum + tensor.data.length, 0);
    this.key = batchKey(inputs);
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get priority(): Priority {
    return this.source.priority;
  }

  /** From now on it shares its batch with nobody: it may be what made the last one fail. */
  isolate(): void {
    this.key = `alone:${randomUUID()}`;
  }

  end(result: WorkResult): void {
    this.#resolve(result);
  }

  fail(error: AppError, transient = false): void {
    const { code, message, details } = error;
    this.end({ ok: false, error: { code, message, details }, transient });
  }
}

export const expired = () => new AppError('TIMEOUT', 'the deadline passed before it could run');
export const cancelled = () => new AppError('CANCELLED', 'the request was cancelled');
