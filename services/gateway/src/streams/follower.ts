import type { InferenceQueue, TokenRelay } from '@frontier/contracts/ports';
import type { Settled, TokenChunk } from '@frontier/contracts/request';
import { bytesElements } from '@frontier/contracts/tensor';
import { tensorsIn } from '../pipeline/answer.ts';
import { inTime } from '../pipeline/timeout.ts';
import { Transcript } from './transcript.ts';

/** Text that waits for a slow reader, characters. Beyond it the text is dropped and read again from the token log. */
const MAX_PENDING = 1024 * 1024;
/** The token log is at most 100 ms behind the live tokens. */
const LOOK_IN_GAP_MS = 150;
/** When no live token has come for this long, the log is asked: the relay may be broken, or the run elsewhere. */
const LOOK_WHEN_QUIET_MS = 2_000;

export type StreamEvent =
  /** New text, and where a client resumes that has it. */
  | { text: string; position: string }
  /** The end; all of the text has been given. */
  | { settled: Settled };

export interface FollowerOptions {
  queue: InferenceQueue;
  relay: TokenRelay;
  id: string;
  tenant: string;
  /** Characters of the answer that the client has already. */
  chars: number;
  /** False for a model that makes no text: there is only the end to wait for. */
  generates: boolean;
}

/**
 * The text of one generation as it grows, from live tokens, the token log and the terminal record, for one reader
 * who takes it at its own pace. Listens from its making on, so that it can be made before the request is enqueued.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #transcript: Transcript;
  readonly #unsubscribe: (() => void) | undefined;
  readonly #abort = new AbortController();
  #pending = '';
  #overflowed = false;
  #settled: Settled | undefined;
  #failure: unknown;
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #inGap = false;
  #heard = -Infinity;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#transcript = new Transcript(options.chars);
    if (options.generates)
      this.#unsubscribe = options.relay.subscribe(options.id, (chunk) => this.#onChunk(chunk));
  }

  /**
   * Begins to wait for the end. `fromLog`: the request may have run before, so its log is read at once. `repeats`: see
   * `inTime`.
   */
  start(timeoutMs: number, { fromLog, repeats }: { fromLog: boolean; repeats: boolean }): void {
    const { queue, id, tenant } = this.#options;
    const end = queue.wait(id, tenant, this.#abort.signal);
    inTime(end, timeoutMs, repeats).then(
      (settled) => this.#onEnd(settled),
      (error: unknown) => {
        this.#failure = error;
        this.#wake();
      },
    );
    if (this.#options.generates) this.#arm(fromLog ? 0 : LOOK_WHEN_QUIET_MS);
  }

  /** What comes next; undefined after `close`. Rejects with what waiting for the end rejected with. */
  async next(): Promise<StreamEvent | undefined> {
    while (!this.#abort.signal.aborted) {
      if (this.#overflowed) {
        this.#overflowed = false;
        // However much it is: the reader takes it now.
        await this.#readLog(Infinity);
      }
      if (this.#pending !== '') {
        const text = this.#pending;
        this.#pending = '';
        return { text, position: this.#transcript.position };
      }
      if (this.#settled) return { settled: this.#settled };
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return undefined;
  }

  close(): void {
    this.#unsubscribe?.();
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#wake();
  }

  #onChunk(chunk: TokenChunk): void {
    if (this.#overflowed || this.#settled) return;
    this.#heard = performance.now();
    const text = this.#transcript.take(chunk);
    if (text === undefined && !this.#inGap) this.#arm(LOOK_IN_GAP_MS);
    this.#inGap = text === undefined;
    if (text !== undefined) this.#push(text, MAX_PENDING);
  }

  #onEnd(settled: Settled): void {
    this.#settled = settled;
    this.#overflowed = false;
    clearTimeout(this.#timer);
    if (this.#options.generates && settled.outcome.status === 'completed') {
      this.#pending += this.#transcript.takeAll(textOf(settled));
    }
    this.#wake();
  }

  #push(text: string, maxPending: number): void {
    this.#pending += text;
    if (this.#pending.length > maxPending) {
      this.#transcript.rewind(this.#pending.length);
      this.#pending = '';
      this.#overflowed = true;
    } else if (text !== '') this.#wake();
  }

  /** The log is a help, not the truth: what it cannot give comes with the terminal record. */
  async #readLog(maxPending: number): Promise<void> {
    const { queue, id, tenant } = this.#options;
    const log = await queue.tokens(id, tenant, 0).catch(() => []);
    if (!this.#settled && !this.#overflowed) this.#push(this.#transcript.takeLog(log), maxPending);
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    const quiet = performance.now() - this.#heard >= LOOK_WHEN_QUIET_MS;
    if ((this.#inGap || quiet) && !this.#overflowed) await this.#readLog(MAX_PENDING);
    if (!this.#settled && !this.#abort.signal.aborted)
      this.#arm(this.#inGap ? LOOK_IN_GAP_MS : LOOK_WHEN_QUIET_MS);
  }
}

/** The whole text of a completed generation. */
function textOf({ outputs }: Settled): string {
  const text = tensorsIn(outputs).find((tensor) => tensor.dtype === 'BYTES');
  return text ? Buffer.from(bytesElements(text)[0] ?? []).toString() : '';
}
