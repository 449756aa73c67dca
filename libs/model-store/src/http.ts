import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@frontier/contracts/errors';

/** Until an answer begins, and for a small one altogether. */
const BASE_MS = 30_000;
/** Slower than this is a failure. */
const BYTES_PER_MS = 128;
const ATTEMPTS = 4;
const FIRST_DELAY_MS = 200;

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: { size: number; read(): AsyncIterable<Uint8Array> };
  /** Of the answer, at most: sets the deadline. */
  expectedBytes?: number;
}

/**
 * One call with a deadline that also holds while the answer is read. Throws UNAVAILABLE for what may pass: no
 * connection, no answer in time, 429 and 5xx. Other answers are the caller's to judge.
 */
export async function send(request: HttpRequest, signal?: AbortSignal): Promise<Response> {
  const { method, url, headers = {}, body } = request;
  const bytes = (request.expectedBytes ?? 0) + (body?.size ?? 0);
  const deadline = AbortSignal.timeout(BASE_MS + Math.ceil(bytes / BYTES_PER_MS));
  const init: RequestInit & { duplex?: 'half' } = {
    method,
    headers,
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  };
  if (body) {
    init.headers = { ...headers, 'content-length': String(body.size) };
    if (body.size > 0) {
      init.body = ReadableStream.from(body.read());
      init.duplex = 'half';
    }
  }
  const response = await fetch(url, init).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw unavailable(url, (error as Error).message, error);
  });
  if (response.status !== 429 && response.status < 500) return response;
  await response.body?.cancel();
  throw unavailable(url, `HTTP ${response.status}`);
}

/** Repeats what failed as UNAVAILABLE, with growing, scattered delays. */
export async function retrying<T>(operation: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation();
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof AppError) || error.code !== 'UNAVAILABLE') throw error;
      await delay(FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random()), undefined, signal && { signal }); // prettier-ignore
    }
  }
}

/** The bytes of an answer. Throws UNAVAILABLE where it breaks off. */
export async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  try {
    yield* response.body;
  } catch (error) {
    throw unavailable(response.url, (error as Error).message, error);
  }
}

/** For an answer that nobody expected. */
export async function unexpected(response: Response, what: string): Promise<AppError> {
  const text = (await response.text().catch(() => '')).slice(0, 300);
  return new AppError('UPSTREAM_ERROR', `${what}: HTTP ${response.status} from ${place(response.url)} ${text}`); // prettier-ignore
}

function unavailable(url: string, reason: string, cause?: unknown): AppError {
  return new AppError('UNAVAILABLE', `${place(url)}: ${reason}`, { cause });
}

/** Without the query, which may hold a signature. */
function place(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
