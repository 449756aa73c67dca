import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { AppError, httpStatusOf } from '@frontier/contracts/errors';
import type { Variant } from '@frontier/contracts/traffic';
import { endSpan, startSpan, tracingEnabled } from '@frontier/kit/tracing';
import type { CallContext } from '../pipeline/call.ts';
import { acceptedEncoding, SECURITY_HEADERS, type Encoding } from './headers.ts';
import type { HttpDeps } from './deps.ts';

/** Shorter answers are not worth the compressing. */
const COMPRESS_OVER = 8 * 1024;
/** How long a refused caller's body is thrown away before the connection is cut: long enough to read the refusal. */
const LINGER_MS = 500;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const REQUEST_ID = /^[\w.-]{1,128}$/;

/** One HTTP request and its answer: the envelope, headers, metrics, log line and span that all routes share. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: string;
  readonly context: CallContext;
  readonly #deps: HttpDeps;
  #finished = false;

  constructor(deps: HttpDeps, route: string, request: IncomingMessage, response: ServerResponse) {
    const { headers } = request;
    const given = headers['x-request-id'];
    this.#deps = deps;
    this.route = route;
    this.request = request;
    this.response = response;
    this.context = {
      requestId: typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID(),
      caller: { authorization: headers.authorization },
      received: performance.now(),
    };
    const key = headers['idempotency-key'];
    if (typeof key === 'string') this.context.idempotencyKey = key;
    const user = headers['x-user-id'];
    if (typeof user === 'string') this.context.user = user;
    const tenant = headers['x-tenant-id'];
    if (deps.config.trustTenantHeader && typeof tenant === 'string') this.context.caller.tenantHint = tenant;
  }

  get requestId(): string {
    return this.context.requestId;
  }

  get variant(): Variant | undefined {
    return this.context.variant;
  }

  /** Bounded, since it is a label of metrics. */
  get method(): string {
    const { method = '' } = this.request;
    return METHODS.has(method) ? method : 'OTHER';
  }

  /** The client went away before its answer was complete. */
  get gone(): boolean {
    return this.response.closed && !this.response.writableFinished;
  }

  /** Begins the span of an inference, if tracing is on. */
  trace(): void {
    if (!tracingEnabled()) return;
    const { traceparent } = this.request.headers;
    this.context.span = startSpan('gateway.infer', {
      kind: 'server',
      ...(typeof traceparent === 'string' && { parent: traceparent }),
      attributes: { 'http.route': this.route, 'request.id': this.requestId },
    });
  }

  /** Answers with the envelope around `data`, which is JSON text. */
  send(status: number, data: string, headers: readonly string[] = []): void {
    this.#respond(status, this.#envelope(true, data, 'null'), headers);
    this.finish(status);
  }

  /** Answers with the envelope around an error; if the answer has begun already, cuts it. */
  fail(thrown: unknown): void {
    const error = AppError.from(thrown);
    const status = httpStatusOf(error.code);
    if (this.response.headersSent) this.response.destroy();
    else {
      const retry =
        error.retryAfterS === undefined ? [] : ['Retry-After', String(Math.ceil(error.retryAfterS))];
      this.#respond(status, this.#envelope(false, 'null', errorJson(error)), retry);
    }
    this.finish(status, error);
  }

  /** Counts and logs the exchange, once; for answers that were not made by `send` or `fail`. */
  finish(status: number, error?: AppError): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#deps.observer.http(this, status, performance.now() - this.context.received, error);
    if (this.context.span) endSpan(this.context.span, error && status >= 500 ? error.code : undefined);
  }

  /** The headers that every answer has, with those given. */
  headers(...more: string[]): string[] {
    const headers = [...more, 'X-Request-ID', this.context.requestId, ...SECURITY_HEADERS];
    if (this.#deps.draining()) headers.push('Connection', 'close');
    return headers;
  }

  #envelope(success: boolean, data: string, error: string): string {
    const time = new Date().toISOString();
    return `{"success":${success},"data":${data},"error":${error},"timestamp":"${time}","request_id":"${this.context.requestId}"}`;
  }

  #respond(status: number, body: string, more: readonly string[]): void {
    const headers = this.headers('Content-Type', 'application/json; charset=utf-8', ...more);
    const encoding =
      body.length > COMPRESS_OVER ? acceptedEncoding(this.request.headers['accept-encoding']) : undefined;
    if (body.length > COMPRESS_OVER) headers.push('Vary', 'Accept-Encoding');
    if (!encoding) return this.#write(status, headers, body);
    compress[encoding](body).then(
      (compressed) => this.#write(status, [...headers, 'Content-Encoding', encoding], compressed),
      () => this.#write(status, headers, body),
    );
  }

  #write(status: number, headers: string[], body: string | Buffer): void {
    const length = Buffer.byteLength(body);
    headers.push('Content-Length', String(length));
    if (bodyIsLeft(this.request)) return this.#refuse(status, headers, body);
    // As many bytes as characters: it is ASCII, which goes out without being encoded.
    this.response.writeHead(status, headers).end(body, length === body.length ? 'latin1' : 'utf8');
  }

  /**
   * Answers while the caller still sends: closing at once would reset the connection and could destroy the answer on
   * its way, so what comes is thrown away for a moment.
   */
  #refuse(status: number, headers: string[], body: string | Buffer): void {
    this.response.writeHead(status, [...headers, 'Connection', 'close']).write(body);
    const end = () => {
      clearTimeout(timer);
      this.response.end();
    };
    const timer = setTimeout(end, LINGER_MS);
    this.request.once('end', end).once('close', end).resume();
  }
}

/** The `error` of an envelope. */
export function errorJson({
  code,
  message,
  details = {},
}: Pick<AppError, 'code' | 'message' | 'details'>): string {
  return JSON.stringify({ code, message, details });
}

function bodyIsLeft({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

const brotli = promisify<string, object, Buffer>(brotliCompress);
const zip = promisify<string, object, Buffer>(gzip);

const compress: Record<Encoding, (text: string) => Promise<Buffer>> = {
  br: (text) => brotli(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  gzip: (text) => zip(text, { level: 6 }),
};
