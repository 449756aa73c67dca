import { ModelThread, type ThreadOptions } from './model-thread.ts';
import type { ChunksMessage, GeneratedChunk, GenerationJob, GenerationMessage } from './protocol.ts';

export interface RunningGeneration {
  /** Frees the slot at once; the last chunk says `cancelled`. */
  cancel: () => void;
}

interface Listener {
  onChunk: (chunk: GeneratedChunk) => void;
  /** Tokens of the answer that it was given or sent before. */
  offset: number;
}

/** A model that generates text: one session in a thread of its own, which batches the sequences by itself. */
export class GenerationModel {
  readonly kind = 'generation';
  /** Sequences that run at once; more wait in the thread. */
  readonly capacity: number;
  readonly #thread: ModelThread<GenerationMessage, ChunksMessage>;
  readonly #listeners = new Map<number, Listener>();
  #nextKey = 0;
  #busySlots = 0;
  #idleRows = 0;

  private constructor(options: ThreadOptions) {
    this.capacity = options.model.spec.generation?.slots ?? 0;
    this.#thread = new ModelThread(
      options,
      (message: ChunksMessage) => this.#deliver(message),
      () => this.#fail(),
    );
  }

  /** Resolves when the model is ready; rejects when it cannot be loaded. */
  static async load(options: ThreadOptions): Promise<GenerationModel> {
    const model = new GenerationModel(options);
    await model.#thread.start();
    return model;
  }

  /** Sequences that hold a slot. */
  get busySlots(): number {
    return this.#busySlots;
  }

  /** Rows that were computed for nobody, since the start: a decode step has the shape of all slots. */
  get idleRows(): number {
    return this.#idleRows;
  }

  /**
   * Starts a sequence. Its chunks come in order; the last one has `end`, whatever happens: an error is in there
   * (UNAVAILABLE when the thread was lost, which another attempt may survive).
   */
  start(job: GenerationJob, onChunk: (chunk: GeneratedChunk) => void): RunningGeneration {
    const key = this.#nextKey++;
    this.#listeners.set(key, { onChunk, offset: job.resume.length });
    // Behind the return, as all chunks.
    if (!this.#thread.post({ type: 'generate', key, ...job })) queueMicrotask(() => this.#fail());
    return { cancel: () => void this.#thread.post({ type: 'cancel', key }) };
  }

  /** Cancels what runs. */
  close(): Promise<void> {
    for (const key of this.#listeners.keys()) this.#thread.post({ type: 'cancel', key });
    return this.#thread.close();
  }

  #deliver({ chunks, busySlots, idleRows }: ChunksMessage): void {
    this.#busySlots = busySlots;
    this.#idleRows += idleRows;
    for (const [key, chunk] of chunks) {
      const listener = this.#listeners.get(key);
      if (!listener) continue;
      listener.offset = chunk.offset + chunk.tokens.length;
      if (chunk.end) this.#listeners.delete(key);
      listener.onChunk(chunk);
    }
  }

  #fail(): void {
    this.#busySlots = 0;
    const lost = [...this.#listeners.values()];
    this.#listeners.clear();
    const error = { code: 'UNAVAILABLE' as const, message: 'the model was lost while it ran' };
    for (const { onChunk, offset } of lost) {
      const usage = { promptTokens: 0, completionTokens: offset, computeUs: 0 };
      onChunk({ offset, tokens: [], text: '', end: { reason: 'cancelled', ...usage, text: '', error } });
    }
  }
}
