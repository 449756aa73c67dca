import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pool } from '@frontier/contracts/queue';
import { sleep } from '@frontier/kit/abort';
import type { Express } from 'express';
import { createApp } from './app.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { infer } from './infer.ts';
import { StreamRoute } from './stream.ts';

export interface HttpServerConfig {
  host: string;
  httpPort: number;
  maxConnections: number;
  pools: readonly Pool[];
}

const LIMITS = {
  headersTimeout: 10_000,
  /** Of the request, head and body; an answer may take longer. */
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
};

/** The HTTP listener: the hot routes by hand, all others by Express behind them. */
export class HttpServer {
  readonly #config: HttpServerConfig;
  readonly #deps: HttpDeps;
  readonly #app: Express;
  readonly #stream: StreamRoute;
  readonly #server: Server;

  constructor(config: HttpServerConfig, deps: HttpDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#app = createApp(deps, config.pools);
    this.#stream = new StreamRoute(deps);
    this.#server = createServer(LIMITS, (request, response) => this.#route(request, response));
    this.#server.maxConnections = config.maxConnections;
  }

  /** Listens; gives the port. Rejects when it is taken. */
  async start(): Promise<number> {
    this.#server.listen(this.#config.httpPort, this.#config.host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no new connections, tells open streams to resume elsewhere, lets answers end within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    // Right behind a poll of the event loop all that has come is accepted and read: closing resets none of it.
    await new Promise(setImmediate);
    this.#server.close();
    this.#stream.drain();
    const abort = new AbortController();
    await Promise.race([closed, sleep(graceMs, abort.signal)]);
    abort.abort();
    this.#server.closeAllConnections();
    await closed;
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const { url = '/', method } = request;
    const at = url.indexOf('?');
    const path = at < 0 ? url : url.slice(0, at);
    const query = at < 0 ? '' : url.slice(at + 1);
    if (path === '/v1/infer' && method === 'POST') {
      const exchange = new Exchange(this.#deps, path, request, response);
      infer(this.#deps, exchange, query).catch((error: unknown) => exchange.fail(error));
    } else if (path === '/v1/infer/stream' && (method === 'POST' || method === 'GET')) {
      const exchange = new Exchange(this.#deps, path, request, response);
      this.#stream.handle(exchange, query).catch((error: unknown) => exchange.fail(error));
    } else this.#app(request, response);
  }
}
