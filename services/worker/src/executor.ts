import { AppError } from '@frontier/contracts/errors';
import type { BatchJob, BatchModel } from '@frontier/model-runtime/batch-model';
import type { BatchOutcome } from '@frontier/model-runtime/protocol';

/** The part of a model that it needs. */
export type ExecutorModel = Pick<BatchModel, 'capacity' | 'run'>;

export interface Task {
  model: ExecutorModel;
  job: BatchJob;
  /** By `performance.now()`; after it the batch is not started. */
  deadline: number;
  /** Aborted when nobody waits for the answer any more: then the batch is not started. */
  signal: AbortSignal;
}

interface Queued extends Task {
  resolve(outcome: Promise<BatchOutcome>): void;
  reject(error: AppError): void;
}

/**
 * Starts batches in the order in which they came, at most `concurrency` at once and of each model at most its
 * capacity: a model that is full lets the others pass. Its length is bounded by the credits that were given.
 */
export class Executor {
  readonly #concurrency: number;
  readonly #onRunning: (running: number) => void;
  readonly #queue: Queued[] = [];
  readonly #running = new Map<ExecutorModel, number>();
  #total = 0;

  constructor(concurrency: number, onRunning: (running: number) => void) {
    this.#concurrency = concurrency;
    this.#onRunning = onRunning;
  }

  run(task: Task): Promise<BatchOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...task, resolve, reject });
      this.#pump();
    });
  }

  #pump(): void {
    for (let i = 0; i < this.#queue.length && this.#total < this.#concurrency;) {
      const task = this.#queue[i] as Queued;
      const refused = refusalOf(task);
      if (!refused && this.#runningOf(task.model) >= task.model.capacity) {
        i += 1;
        continue;
      }
      this.#queue.splice(i, 1);
      if (refused) task.reject(refused);
      else task.resolve(this.#execute(task));
    }
  }

  async #execute({ model, job }: Task): Promise<BatchOutcome> {
    this.#count(model, 1);
    try {
      return await model.run(job);
    } finally {
      this.#count(model, -1);
      this.#pump();
    }
  }

  #runningOf(model: ExecutorModel): number {
    return this.#running.get(model) ?? 0;
  }

  #count(model: ExecutorModel, change: 1 | -1): void {
    this.#running.set(model, this.#runningOf(model) + change);
    this.#total += change;
    this.#onRunning(this.#total);
  }
}

function refusalOf({ signal, deadline }: Task): AppError | undefined {
  if (signal.aborted) return new AppError('CANCELLED', 'nobody waits for this batch any more');
  if (deadline <= performance.now())
    return new AppError('TIMEOUT', 'the deadline passed before the execution began');
  return undefined;
}
