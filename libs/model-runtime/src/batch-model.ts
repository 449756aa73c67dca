import { AppError, fromWireError } from '@frontier/contracts/errors';
import type { Tensor } from '@frontier/contracts/tensor';
import { ModelThread, type ThreadOptions } from './model-thread.ts';
import type { BatchOutcome, RunAnswer, RunMessage } from './protocol.ts';
import { buffersOf, copyTensors } from './tensors.ts';

export interface BatchJob {
  rows: number;
  /** Rows of all requests behind each other. The bytes are copied, once. */
  tensors: readonly Tensor[];
  /** When the worker got it, by `nowUs`. */
  receivedUs: number;
}

interface Waiting {
  resolve: (outcome: BatchOutcome) => void;
  reject: (error: Error) => void;
}

/** One session of a model in a thread of its own. */
export class ModelInstance {
  readonly #thread: ModelThread<RunMessage, RunAnswer>;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;

  constructor(options: ThreadOptions) {
    this.#thread = new ModelThread(options, (answer: RunAnswer) => this.#settle(answer), (error) => this.#fail(error)); // prettier-ignore
  }

  /** Batches that it computes or that wait for it. */
  get size(): number {
    return this.#waiting.size;
  }

  start(): Promise<void> {
    return this.#thread.start();
  }

  /**
   * Executes a batch behind those that it has already. Rejects when the batch fails as a whole: by UNAVAILABLE when
   * the thread dies or is away, which another attempt may survive.
   */
  run(job: BatchJob): Promise<BatchOutcome> {
    const id = this.#nextId++;
    const tensors = copyTensors(job.tensors);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const posted = this.#thread.post({ ...job, type: 'run', id, tensors }, buffersOf(tensors));
      if (!posted) this.#fail(new Error('the thread is being restarted'));
    });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #settle(answer: RunAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.type === 'done') waiting?.resolve(answer);
    else waiting?.reject(fromWireError(answer.error));
  }

  #fail(cause: Error): void {
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of lost)
      reject(new AppError('UNAVAILABLE', 'the model was lost while it ran', { cause }));
  }
}

/** A model's instances behind one `run`. */
export class BatchModel {
  readonly kind = 'batch';
  /** Batches that it can have under way: of each instance one that computes and the next. */
  readonly capacity: number;
  readonly #instances: ModelInstance[];

  private constructor(instances: ModelInstance[]) {
    this.#instances = instances;
    this.capacity = instances.length * 2;
  }

  /** Resolves when all instances are ready. Rejects when one cannot be loaded; then none is left. */
  static async load(options: ThreadOptions): Promise<BatchModel> {
    const instances = Array.from({ length: options.model.spec.instances }, () => new ModelInstance(options));
    const model = new BatchModel(instances);
    try {
      await Promise.all(instances.map((instance) => instance.start()));
    } catch (error) {
      await model.close();
      throw error;
    }
    return model;
  }

  run(job: BatchJob): Promise<BatchOutcome> {
    return this.#instances.reduce((a, b) => (b.size < a.size ? b : a)).run(job);
  }

  async close(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.close()));
  }
}
