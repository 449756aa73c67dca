import type { Pool, Priority, Shard } from './queue.ts';
import type { NewRequest, Settled, TokenChunk } from './request.ts';
import type { ModelTraffic } from './traffic.ts';

/** A request as somebody who polls sees it. */
export interface RequestView {
  id: string;
  tenant: string;
  model: string;
  version: string;
  state: 'waiting' | 'running' | 'retrying' | 'settled';
  /** Milliseconds until its deadline; 0 once it is settled. */
  remainingMs: number;
  /** It runs on when nobody waits for it: a job, or a call with an idempotency key. */
  unattended: boolean;
  settled?: Settled | undefined;
}

export interface Submission {
  /** The id of the inference that answers: of an earlier one when the idempotency key was known. */
  id: string;
  replayed: boolean;
}

/** The durable queue as a gateway sees it. */
export interface InferenceQueue {
  /** The shard that a new request of this kind should go to; its id names it. */
  shardFor(priority: Priority, pool: Pool): Shard;
  /**
   * Admits and enqueues. When it resolves, the request is acknowledged: it will have one terminal record.
   * Throws CONFLICT (key used with another body) and, with a `reason` in the details and a Retry-After, OVERLOADED
   * (contended) and UNAVAILABLE (no capacity, or not durable: Redis away; nothing is owed, the same key may be tried
   * again).
   */
  submit(request: NewRequest): Promise<Submission>;
  /**
   * The terminal record of a request that was submitted here or elsewhere. Rejects when `signal` aborts, and with
   * NOT_FOUND. Comes at the request's deadline at the latest, which may be later than that of who repeats a key.
   */
  wait(id: string, tenant: string, signal?: AbortSignal): Promise<Settled>;
  /** Undefined: unknown, expired, or another tenant's. */
  read(id: string, tenant: string): Promise<RequestView | undefined>;
  /** Settles as `cancelled` unless settled; the terminal record, or undefined where `read` has nothing. */
  cancel(id: string, tenant: string): Promise<Settled | undefined>;
  /** Nobody waits here any more: cancels, unless somebody waits at another gateway (then undefined). */
  abandon(id: string, tenant: string): Promise<Settled | undefined>;
  /** What the token log of a stream holds, from token `offset` on. */
  tokens(id: string, tenant: string, offset: number): Promise<TokenChunk[]>;
  /** As far as this gateway has seen lately, nobody waits in this pool and little is outstanding: there is time for extras. */
  roomy(pool: Pool): boolean;
}

/** Live tokens and cancellations, between a gateway and all dispatchers. Best effort: the token log is the truth. */
export interface TokenRelay {
  /** Chunks of this id, from now on, until the returned function is called. */
  subscribe(id: string, onChunk: (chunk: TokenChunk) => void): () => void;
  cancel(id: string): void;
}

/** The traffic records, as whoever obeys them knows them. */
export interface TrafficView {
  get(model: string): ModelTraffic | undefined;
  /** False: what is known may no longer be in force; then a candidate gets nothing. `now`: `performance.now()`. */
  fresh(now: number): boolean;
}
