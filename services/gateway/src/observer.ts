import type { AppError } from '@frontier/contracts/errors';
import type { Variant } from '@frontier/contracts/traffic';
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

  http(request: HttpRequest, status: number, ms: number, error?: AppError): void {
    const { route, method, requestId, variant } = request;
    this.#metrics.httpRequests.of(route, method, String(status)).value += 1;
    this.#metrics.httpSeconds.of(route, method).observe(ms / 1000);
    const level = this.#levelOf(status >= 500, ms, route);
    if (level) this.#line(level, ms, error, { transport: 'http', route, method, status, requestId, variant });
  }

  grpc(request: GrpcRequest, code: number, ms: number, error?: AppError): void {
    const { method, requestId, variant } = request;
    this.#metrics.grpcRequests.of(method, String(code)).value += 1;
    this.#metrics.grpcSeconds.of(method).observe(ms / 1000);
    const level = this.#levelOf(code === INTERNAL || code === UNAVAILABLE, ms, method);
    if (level) this.#line(level, ms, error, { transport: 'grpc', method, code, requestId, variant });
  }

  #levelOf(failed: boolean, ms: number, route: string): 'warn' | 'info' | undefined {
    const { accessLog, slowRequestMs } = this.#config;
    if (failed) return 'warn';
    return accessLog === 'all' || (ms > slowRequestMs && !STREAMS.has(route)) ? 'info' : undefined;
  }

  #line(
    level: 'warn' | 'info',
    ms: number,
    error: AppError | undefined,
    facts: Record<string, unknown>,
  ): void {
    this.#log[level]({ ...facts, ms, error: error?.code, err: error?.cause }, 'request');
  }
}

interface HttpRequest {
  route: string;
  method: string;
  requestId: string;
  /** The side of a rollout, of an inference that came so far. */
  variant?: Variant | undefined;
}

type GrpcRequest = Omit<HttpRequest, 'route'>;

const INTERNAL = 13;
const UNAVAILABLE = 14;
/** These last as long as their answer grows. */
const STREAMS = new Set(['/v1/infer/stream', 'StreamInfer']);
