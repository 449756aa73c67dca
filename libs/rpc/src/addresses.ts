import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { sleep } from '@frontier/kit/abort';

/** Every IP address behind a `host:port`, each as `ip:port`. Rejects when the name is unknown. */
export type Resolve = (address: string) => Promise<string[]>;

const resolveAll: Resolve = async (address) => {
  const at = address.lastIndexOf(':');
  const port = address.slice(at + 1);
  const found = await lookup(address.slice(0, at).replace(/^\[|\]$/g, ''), { all: true });
  return found.map(({ address: ip }) => (isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`));
};

export interface AddressWatcherOptions {
  /** `host:port` each; a host may stand for several addresses. */
  addresses: readonly string[];
  everyMs: number;
  onAdd: (endpoint: string) => void;
  onRemove: (endpoint: string) => void;
  resolve?: Resolve;
}

/** Tells which endpoints a list of names stands for, now and whenever that changes. */
export class AddressWatcher {
  readonly #options: AddressWatcherOptions;
  readonly #abort = new AbortController();
  /** What each name stood for when it could last be resolved: a DNS outage removes nobody. */
  readonly #known = new Map<string, string[]>();
  #endpoints = new Set<string>();

  constructor(options: AddressWatcherOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    do await this.#look();
    while (await sleep(this.#options.everyMs, this.#abort.signal));
  }

  async #look(): Promise<void> {
    const { addresses, resolve = resolveAll, onAdd, onRemove } = this.#options;
    await Promise.all(
      addresses.map(async (address) => {
        const found = await resolve(address).catch(() => undefined);
        if (found) this.#known.set(address, found);
      }),
    );
    if (this.#abort.signal.aborted) return;
    const endpoints = new Set([...this.#known.values()].flat());
    const former = this.#endpoints;
    this.#endpoints = endpoints;
    for (const endpoint of endpoints) if (!former.has(endpoint)) onAdd(endpoint);
    for (const endpoint of former) if (!endpoints.has(endpoint)) onRemove(endpoint);
  }
}
