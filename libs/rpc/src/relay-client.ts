import type { TokenRelay } from '@frontier/contracts/ports';
import type { TokenChunk } from '@frontier/contracts/request';
import type { Logger } from '@frontier/kit/logger';
import { AddressWatcher, type Resolve } from './addresses.ts';
import type { GatewayMessage } from './gen/dispatch/v1/GatewayMessage.ts';
import { RelayLink } from './relay-link.ts';

const RESOLVE_EVERY_MS = 5_000;

type Subscriber = (chunk: TokenChunk) => void;

export interface RelayClientOptions {
  gatewayId: string;
  /** `host:port` of the dispatchers; a host may stand for several. */
  addresses: readonly string[];
  log: Logger;
  resolve?: Resolve;
  resolveEveryMs?: number;
}

/**
 * One Relay stream to every dispatcher. Subscriptions are announced to all of them, since any may run the request,
 * and again to one that comes back. Chunks of ids that nobody reads here are dropped.
 */
export class RelayClient implements TokenRelay {
  readonly #options: RelayClientOptions;
  readonly #watcher: AddressWatcher;
  readonly #links = new Map<string, RelayLink>();
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  #connected = 0;

  constructor(options: RelayClientOptions) {
    this.#options = options;
    this.#watcher = new AddressWatcher({
      addresses: options.addresses,
      everyMs: options.resolveEveryMs ?? RESOLVE_EVERY_MS,
      onAdd: (endpoint) => this.#links.set(endpoint, this.#open(endpoint)),
      onRemove: (endpoint) => {
        this.#links.get(endpoint)?.close();
        this.#links.delete(endpoint);
      },
      ...(options.resolve && { resolve: options.resolve }),
    });
  }

  /** Dispatchers that are connected now. */
  get connected(): number {
    return this.#connected;
  }

  start(): void {
    this.#watcher.start();
  }

  stop(): void {
    this.#watcher.stop();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  subscribe(id: string, onChunk: Subscriber): () => void {
    let subscribers = this.#subscribers.get(id);
    if (!subscribers) {
      subscribers = new Set();
      this.#subscribers.set(id, subscribers);
      this.#broadcast({ attach: { id } });
    }
    subscribers.add(onChunk);
    return () => {
      subscribers.delete(onChunk);
      if (subscribers.size === 0 && this.#subscribers.get(id) === subscribers) this.#subscribers.delete(id);
    };
  }

  cancel(id: string): void {
    this.#broadcast({ cancel: { ids: [id] } });
  }

  #open(endpoint: string): RelayLink {
    return new RelayLink({
      endpoint,
      greeting: () => [
        { hello: { gateway_id: this.#options.gatewayId } },
        ...[...this.#subscribers.keys()].map((id) => ({ attach: { id } })),
      ],
      onChunk: (chunk) => this.#subscribers.get(chunk.id)?.forEach((subscriber) => subscriber(chunk)),
      onState: (connected) => {
        this.#connected += connected ? 1 : -1;
        this.#options.log.info({ endpoint }, connected ? 'dispatcher connected' : 'dispatcher lost');
      },
    });
  }

  #broadcast(message: GatewayMessage): void {
    for (const link of this.#links.values()) link.send(message);
  }
}
