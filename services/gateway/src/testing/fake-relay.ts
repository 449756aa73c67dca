import type { TokenRelay } from '@frontier/contracts/ports';
import type { TokenChunk } from '@frontier/contracts/request';

/** A relay whose dispatcher is the test. */
export class FakeRelay implements TokenRelay {
  readonly #subscribers = new Map<string, Set<(chunk: TokenChunk) => void>>();
  readonly cancelled: string[] = [];

  subscribe(id: string, onChunk: (chunk: TokenChunk) => void): () => void {
    const subscribers = this.#subscribers.get(id) ?? new Set();
    this.#subscribers.set(id, subscribers.add(onChunk));
    return () => {
      subscribers.delete(onChunk);
      if (subscribers.size === 0) this.#subscribers.delete(id);
    };
  }

  cancel(id: string): void {
    this.cancelled.push(id);
  }

  emit(chunk: TokenChunk): void {
    this.#subscribers.get(chunk.id)?.forEach((onChunk) => onChunk(chunk));
  }

  /** Ids that somebody listens to. */
  get listening(): string[] {
    return [...this.#subscribers.keys()];
  }
}
