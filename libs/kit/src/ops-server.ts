import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface OpsOptions {
  /** 0 takes a free one. */
  port: number;
  host: string;
  registry: Registry;
  /** True, or why the service should get no traffic now. */
  ready: () => true | string;
}

export interface OpsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * `/metrics` for Prometheus, `/healthz` (alive: the event loop turns), `/readyz` (503 with the reason in the
 * body). Rejects when the port is taken.
 */
export async function startOps({ port, host, registry, ready }: OpsOptions): Promise<OpsServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    void answer(request, response, registry, ready);
  });
  server.maxConnections = 100;
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  registry: Registry,
  ready: () => true | string,
): Promise<void> {
  const send = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  try {
    switch (request.url?.split('?', 1)[0]) {
      case '/metrics':
        return void send(200, await registry.metrics(), registry.contentType);
      case '/healthz':
        return void send(200, 'ok\n');
      case '/readyz': {
        const state = ready();
        return void (state === true ? send(200, 'ready\n') : send(503, `${state}\n`));
      }
      default:
        return void send(404, 'not found\n');
    }
  } catch {
    send(500, 'failed\n');
  }
}
