import type { AppError } from '@frontier/contracts/errors';
import type { Logger } from '@frontier/kit/logger';
import type { GatewayMetrics } from './metrics.ts';

export interface ObserverConfig {
  accessLog: 'errors' | 'all';
  slowRequestMs: number;
}

/** Counts every request, and logs those that are worth a line: failures of ours, slow ones, or all. */
export class Observer {
  readonly #metrics: GatewayMetrics;
  readonly #log: Logger;
  readonly #config: ObserverConfig;

  constructor(metrics: GatewayMetrics, log: Logger, config: ObserverConfig) {
    this.#metrics = metrics;
    this.#log = log;
    this.#config = config;
  }

  http(
    request: { route: string; method: string; requestId: string },
    status: number,
    ms: number,
    error?: AppError,
  ): void {
    const { route, method, requestId } = request;
    this.#metrics.httpRequests.inc({ route, method, code: status });
    this.#metrics.httpSeconds.observe({ route, method }, ms / 1000);
    this.#line(status >= 500, ms, error, { transport: 'http', route, method, status, requestId });
  }

  grpc(request: { method: string; requestId: string }, code: number, ms: number, error?: AppError): void {
    const { method, requestId } = request;
    this.#metrics.grpcRequests.inc({ method, code });
    this.#metrics.grpcSeconds.observe({ method }, ms / 1000);
    this.#line(code === INTERNAL || code === UNAVAILABLE, ms, error, {
      transport: 'grpc',
      method,
      code,
      requestId,
    });
  }

  #line(ours: boolean, ms: number, error: AppError | undefined, facts: Record<string, unknown>): void {
    const { accessLog, slowRequestMs } = this.#config;
    if (ours) this.#log.warn({ ...facts, ms, error: error?.code, err: error?.cause }, 'request failed');
    else if (ms > slowRequestMs) this.#log.info({ ...facts, ms, error: error?.code }, 'slow request');
    else if (accessLog === 'all') this.#log.info({ ...facts, ms, error: error?.code }, 'request');
  }
}

const INTERNAL = 13;
const UNAVAILABLE = 14;
