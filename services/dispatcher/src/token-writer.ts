import type { TokenChunk } from '@frontier/contracts/request';
import type { Logger } from '@frontier/kit/logger';
import type { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenRequest } from '@frontier/redis/taken';

/** Tokens reach the log at most this late; live readers get them from the relay. */
const COALESCE_MS = 100;

/** Writes the tokens of one streaming request to its log, several chunks at a time, in order. */
export class TokenWriter {
  readonly #queue: DispatchQueue;
  readonly #request: TakenRequest;
  readonly #log: Logger;
  #chunks: TokenChunk[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(queue: DispatchQueue, request: TakenRequest, log: Logger) {
    this.#queue = queue;
    this.#request = request;
    this.#log = log;
  }

  add(chunk: TokenChunk): void {
    this.#chunks.push(chunk);
    this.#timer ??= setTimeout(() => this.#flush(), COALESCE_MS);
  }

  /** All is written; the log begins to expire. */
  async end(): Promise<void> {
    this.#flush();
    await this.#writing;
    await this.#queue.endTokens(this.#request).catch(() => undefined);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const chunks = this.#chunks;
    if (chunks.length === 0) return;
    this.#chunks = [];
    this.#writing = this.#writing
      .then(() => this.#queue.appendTokens(this.#request, chunks))
      // A gap in the log only means that a re-run makes these tokens again: same seed, same text.
      .catch((error: Error) =>
        this.#log.warn({ err: error.message, id: this.#request.id }, 'tokens were not logged'),
      );
  }
}
