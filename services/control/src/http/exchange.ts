import { randomUUID } from 'node:crypto';
import { AppError, httpStatusOf } from '@frontier/contracts/errors';
import type { Logger } from '@frontier/kit/logger';
import type { Request, Response } from 'express';
import type { ControlMetrics } from '../metrics.ts';
import type { Reply } from './route.ts';

const REQUEST_ID = /^[\w.-]{1,128}$/;

const SECURITY_HEADERS = {
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
};

export interface ExchangeDeps {
  metrics: ControlMetrics;
  log: Logger;
}

/** One request and its answer: the envelope, headers, metrics and log line that all routes share. */
export class Exchange {
  readonly requestId: string;
  readonly #deps: ExchangeDeps;
  readonly #route: string;
  readonly #request: Request;
  readonly #response: Response;
  readonly #received = performance.now();

  constructor(deps: ExchangeDeps, route: string, request: Request, response: Response) {
    const given = request.headers['x-request-id'];
    this.requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    this.#deps = deps;
    this.#route = route;
    this.#request = request;
    this.#response = response;
  }

  send({ status = 200, data, next }: Reply): void {
    if (next !== undefined) this.#response.set('X-Next-Cursor', next);
    this.#answer(status, { success: true, data, error: null });
  }

  fail(thrown: unknown): void {
    const { log } = this.#deps;
    const error = AppError.from(thrown);
    const { code, message, details = {}, retryAfterS } = error;
    const status = httpStatusOf(code);
    if (status >= 500)
      log.error({ err: error, requestId: this.requestId, route: this.#route }, 'request failed');
    if (retryAfterS !== undefined) this.#response.set('Retry-After', String(Math.ceil(retryAfterS)));
    if (code === 'UNAUTHORIZED') this.#response.set('WWW-Authenticate', 'Bearer');
    this.#answer(status, { success: false, data: null, error: { code, message, details } });
  }

  #answer(status: number, body: object): void {
    const { requests, seconds } = this.#deps.metrics;
    // Bounded labels: routes are few, and what is no route has one name.
    const method = this.#route === 'other' ? 'other' : this.#request.method;
    requests.inc({ route: this.#route, method, code: String(status) });
    seconds.observe({ route: this.#route, method }, (performance.now() - this.#received) / 1_000);
    this.#response
      .status(status)
      .set({ ...SECURITY_HEADERS, 'X-Request-ID': this.requestId })
      .json({ ...body, timestamp: new Date().toISOString(), request_id: this.requestId });
  }
}
