import { AppError, toWireError } from '@frontier/contracts/errors';
import { nowUs, type ChunksMessage, type GenerationJob } from '../protocol.ts';
import type { Decoder } from './decoder.ts';
import { newSequence, type Vocabulary } from './new-sequence.ts';
import type { Sequence } from './sequence.ts';

/** Tokens of a running sequence are sent together, at most this long after the first of them was made. */
const COALESCE_MS = 20;

export interface EngineOptions extends Vocabulary {
  decoder: Decoder;
  /** Gets all chunks of a step at once. */
  emit(message: ChunksMessage): void;
}

/**
 * Continuous batching: sequences join the running batch when a slot is free and leave it when they end.
 *
 *     waiting ──slot free──► prefilling ──last chunk──► decoding ──stop, length──► ended
 *        └──────────────────────┴──── cancel, deadline, error ────┴───────────────────┘
 *
 * Each turn prefills one chunk of one sequence and then makes one token for every decoding one, so a long prompt
 * delays the others by one chunk a token. Messages are received between executions, which yield to the event loop.
 */
export class GenerationEngine {
  readonly #options: EngineOptions;
  readonly #waiting: Sequence[] = [];
  readonly #slots: (Sequence | undefined)[];
  /** The slot that had the last prefill: the next one in the ring comes first. */
  #lastPrefill = 0;
  #sentAt = 0;
  #turnMs = 0;
  #idleRows = 0;
  #running = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#slots = new Array<Sequence | undefined>(options.decoder.slots).fill(undefined);
  }

  /** Its chunks carry `key`; the last one has the end, also when the job is refused (INVALID_INPUT). */
  start(key: number, job: GenerationJob): void {
    try {
      this.#waiting.push(newSequence(this.#options, key, job));
    } catch (error) {
      this.#refuse(key, job, AppError.from(error));
    }
    if (!this.#running) void this.#run();
  }

  /** Ends a sequence wherever it is; its slot is free at once. */
  cancel(key: number): void {
    for (const sequence of this.#all()) if (sequence.key === key) sequence.finish('cancelled');
  }

  #refuse(key: number, job: GenerationJob, error: AppError): void {
    const usage = { promptTokens: 0, completionTokens: 0, computeUs: 0 };
    const end = { reason: 'cancelled' as const, ...usage, text: '', error: toWireError(error) };
    this.#send([[key, { offset: job.resume.length, tokens: [], text: '', end }]]);
  }

  #send(chunks: ChunksMessage['chunks']): void {
    const busySlots = this.#slots.filter((sequence) => sequence !== undefined).length;
    this.#options.emit({ type: 'chunks', chunks, busySlots, idleRows: this.#idleRows });
    this.#idleRows = 0;
  }

  #all(): Sequence[] {
    return [...this.#waiting, ...this.#slots.flatMap((sequence) => sequence ?? [])];
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#all().length > 0) {
      const started = performance.now();
      for (const sequence of this.#all()) if (sequence.deadline <= started) endLate(sequence);
      this.#collect();
      this.#admit();
      await this.#prefill();
      this.#collect();
      await this.#step();
      this.#collect();
      this.#turnMs = performance.now() - started;
    }
    this.#running = false;
  }

  /** Sends what is due, and frees the slots of what has ended. */
  #collect(): void {
    const now = performance.now();
    const due = now + this.#turnMs - this.#sentAt >= COALESCE_MS;
    if (due) this.#sentAt = now;
    const chunks: ChunksMessage['chunks'] = [];
    for (const sequence of this.#all()) {
      const chunk = due || sequence.ended || sequence.firstIsDue ? sequence.takeChunk() : undefined;
      if (chunk) chunks.push([sequence.key, chunk]);
    }
    this.#slots.forEach((sequence, slot) => {
      if (sequence?.ended) this.#slots[slot] = undefined;
    });
    this.#waiting.splice(0, Infinity, ...this.#waiting.filter((sequence) => !sequence.ended));
    if (chunks.length > 0) this.#send(chunks);
  }

  #admit(): void {
    for (let slot = 0; slot < this.#slots.length && this.#waiting.length > 0; slot++) {
      this.#slots[slot] ??= this.#waiting.shift();
    }
  }

  async #prefill(): Promise<void> {
    const { decoder, spec } = this.#options;
    const slot = this.#nextToPrefill();
    const sequence = slot === undefined ? undefined : this.#slots[slot];
    if (slot === undefined || !sequence) return;
    this.#lastPrefill = slot;
    const tokens = sequence.nextInput(spec.prefillChunk);
    const logits = await this.#execute([sequence], () => decoder.prefill(slot, tokens, sequence.length));
    sequence.advance(tokens.length);
    if (logits && sequence.prefilled) sequence.accept(logits);
  }

  #nextToPrefill(): number | undefined {
    for (let i = 1; i <= this.#slots.length; i++) {
      const slot = (this.#lastPrefill + i) % this.#slots.length;
      const sequence = this.#slots[slot];
      if (sequence && !sequence.ended && !sequence.prefilled) return slot;
    }
    return undefined;
  }

  async #step(): Promise<void> {
    const { decoder } = this.#options;
    const tokens: number[] = [];
    const lengths: number[] = [];
    const active: number[] = [];
    const sequences: Sequence[] = [];
    this.#slots.forEach((sequence, slot) => {
      if (!sequence?.prefilled || sequence.ended) return;
      tokens[slot] = sequence.last;
      lengths[slot] = sequence.length;
      active.push(slot);
      sequences.push(sequence);
    });
    if (active.length === 0) return;
    const logits = await this.#execute(sequences, () => decoder.step(tokens, lengths, active));
    this.#idleRows += decoder.slots - active.length;
    if (!logits) return;
    const vocabulary = logits.length / decoder.slots;
    sequences.forEach((sequence, i) => {
      const slot = active[i] ?? 0;
      sequence.advance(1);
      sequence.accept(logits.subarray(slot * vocabulary, (slot + 1) * vocabulary));
    });
  }

  /** Executes for these sequences, which share its time; when it fails they end. */
  async #execute(
    sequences: readonly Sequence[],
    run: () => Promise<Float32Array>,
  ): Promise<Float32Array | undefined> {
    const startUs = nowUs();
    try {
      const logits = await run();
      for (const sequence of sequences) sequence.charge((nowUs() - startUs) / sequences.length);
      return logits;
    } catch (error) {
      const message = `model execution failed: ${(error as Error).message}`;
      for (const sequence of sequences) sequence.finish('cancelled', { code: 'INTERNAL_ERROR', message });
      return undefined;
    }
  }
}

function endLate(sequence: Sequence): void {
  sequence.finish('cancelled', {
    code: 'TIMEOUT',
    message: 'the deadline passed while the text was being made',
  });
}
