import { versionKey } from '@frontier/contracts/model-spec';
import { sleep } from '@frontier/kit/abort';
import type { Logger } from '@frontier/kit/logger';
import type { ModelVersion__Output } from '@frontier/rpc/gen/dispatch/v1/ModelVersion';
import type { WorkerMessage } from '@frontier/rpc/gen/dispatch/v1/WorkerMessage';
import { WorkStream } from '@frontier/rpc/work-client';
import type { LinkWork } from './link-work.ts';
import type { Offer } from './loading.ts';

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** A stream that lived this long was a good one: the next attempt waits little. */
const STABLE_MS = 1_000;

export interface DispatcherLinkOptions {
  /** `ip:port`. */
  endpoint: string;
  /** The registration: what this worker is, and what it offers now. */
  worker: { worker_id: string; pool: string; memory_bytes: number };
  offers: () => Offer[];
  /** Dispatchers that share the worker's capacity. */
  sharers: () => number;
  /** Begins the work of a fresh stream. */
  work: (send: (message: WorkerMessage) => void) => LinkWork;
  /** The dispatcher has requests for a version that no worker offers. */
  onWanted: (model: ModelVersion__Output) => void;
  onState: (connected: boolean) => void;
  log: Logger;
}

/**
 * One dispatcher: a stream that is opened again with backoff and jitter whenever it breaks.
 *
 * Credits: each dispatcher gets its share of a model's capacity, at least one. What it was given cannot be taken
 * back, so for a while after another dispatcher came there may be more under way than the capacity: that waits here.
 */
export class DispatcherLink {
  readonly #options: DispatcherLinkOptions;
  readonly #abort = new AbortController();
  /** Credits by version. */
  readonly #granted = new Map<string, number>();
  /** Resolves when the link is given up and its stream is over. */
  readonly over: Promise<void>;
  #stream: WorkStream | undefined;
  #work: LinkWork | undefined;

  constructor(options: DispatcherLinkOptions) {
    this.#options = options;
    this.over = this.#run();
  }

  /** Batches and sequences of this dispatcher that are not answered. */
  get size(): number {
    return this.#work?.size ?? 0;
  }

  /** Says what is offered now. With what is offered no more its credits are gone; new offers get theirs. */
  announce(): void {
    if (!this.#stream) return;
    const { worker, offers } = this.#options;
    const models = offers();
    this.#stream.send({ register: { ...worker, models } });
    const keys = new Set(models.map(versionKey));
    for (const key of this.#granted.keys()) if (!keys.has(key)) this.#granted.delete(key);
    this.grant();
  }

  /** Grants what its share has grown by. */
  grant(): void {
    if (!this.#stream || this.#abort.signal.aborted) return;
    for (const offer of this.#options.offers()) {
      const key = versionKey(offer);
      const share = Math.ceil(offer.capacity / Math.max(this.#options.sharers(), 1));
      const count = share - (this.#granted.get(key) ?? 0);
      if (count <= 0) continue;
      this.#granted.set(key, share);
      this.#stream.send({ credit: { model: offer.name, version: offer.version, count } });
    }
  }

  /** No more credits, and no other stream when this one ends: its name stands for this dispatcher no more. */
  retire(): void {
    this.#abort.abort();
  }

  /** No new work, please. */
  drain(): void {
    this.retire();
    this.#stream?.send({ drain: {} });
  }

  /** What is not answered goes back to the dispatcher. */
  async close(): Promise<void> {
    this.retire();
    this.#work?.close();
    await this.#stream?.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let backoff = BACKOFF_MIN_MS;
    do {
      const started = performance.now();
      await this.#talk().catch((error: unknown) => {
        this.#options.log.debug({ err: error, endpoint: this.#options.endpoint }, 'dispatcher not reached');
      });
      const good = performance.now() - started > STABLE_MS && this.#granted.size > 0;
      backoff = good ? BACKOFF_MIN_MS : Math.min(backoff * 2, BACKOFF_MAX_MS);
    } while (await sleep(Math.random() * backoff, signal));
  }

  /** Until the stream ends. Rejects when there is nobody. */
  async #talk(): Promise<void> {
    const { endpoint, work, onWanted, onState, log } = this.#options;
    this.#granted.clear();
    const stream = await WorkStream.connect(endpoint, (message) => {
      if (message.drain) log.info({ endpoint }, 'dispatcher is going');
      if (message.wanted) message.wanted.models.forEach(onWanted);
      this.#work?.receive(message);
    });
    if (this.#abort.signal.aborted) return stream.close();
    this.#stream = stream;
    this.#work = work((message) => stream.send(message));
    this.announce();
    onState(true);
    await stream.ended;
    this.#stream = undefined;
    this.#work.close();
    onState(false);
  }
}
