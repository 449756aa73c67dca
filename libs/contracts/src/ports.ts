import type { NewRequest, Settled, TokenChunk } from './request.ts';

/** A request as somebody who polls sees it. */
export interface RequestView {
  id: string;
  tenant: string;
  model: string;
  version: string;
  state: 'waiting' | 'running' | 'settled';
  /** Unix ms; 0 once it is settled. */
  deadline: number;
  settled?: Settled | undefined;
}

export interface Submission {
  /** The id of the inference that answers: of an earlier one when the idempotency key was known. */
  id: string;
  replayed: boolean;
}

/** The durable queue as a gateway sees it. */
export interface InferenceQueue {
  /**
   * Admits and enqueues. When it resolves, the request is acknowledged: it will have one terminal record.
   * Throws OVERLOADED (bound reached, with Retry-After), CONFLICT (key used with another body),
   * UNAVAILABLE (not durable: Redis away; nothing is owed, the same key may be tried again).
   */
  submit(request: NewRequest): Promise<Submission>;
  /** The terminal record of a request that was submitted here or elsewhere. Rejects only when `signal` aborts. */
  wait(id: string, tenant: string, signal?: AbortSignal): Promise<Settled>;
  /** Undefined: unknown, expired, or another tenant's. */
  read(id: string, tenant: string): Promise<RequestView | undefined>;
  /** Settles as `cancelled` unless settled; the terminal record, or undefined where `read` has nothing. */
  cancel(id: string, tenant: string): Promise<Settled | undefined>;
  /** What the token log of a stream holds, from token `offset` on. */
  tokens(id: string, tenant: string, offset: number): Promise<TokenChunk[]>;
}

/** Live tokens and cancellations, between a gateway and all dispatchers. Best effort: the token log is the truth. */
export interface TokenRelay {
  /** Chunks of this id, from now on, until the returned function is called. */
  subscribe(id: string, onChunk: (chunk: TokenChunk) => void): () => void;
  cancel(id: string): void;
}
