import { CliError, EXIT } from './errors.ts';

export interface HttpRequest {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
  timeoutMs: number;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** Parsed; undefined: not JSON. */
  body: unknown;
}

/** A page of a rollout's log is the largest answer. */
const MAX_BYTES = 256 * 1024 * 1024;

/** One call with a deadline. Throws CliError `away` when nobody answers; any status is an answer. */
export async function call({
  method,
  url,
  headers,
  body,
  timeoutMs,
  signal,
}: HttpRequest): Promise<HttpAnswer> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.any([signal, deadline]),
      // A key goes nowhere but to the URL that was given.
      redirect: 'error',
    });
    return { status: response.status, headers: response.headers, body: parsed(await textOf(response)) };
  } catch (error) {
    if (error instanceof CliError) throw error;
    if (signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted', { cause: error });
    const { origin } = new URL(url);
    const why = deadline.aborted ? `no answer within ${timeoutMs / 1_000} s` : reasonOf(error);
    throw new CliError(EXIT.away, `${origin} cannot be reached: ${why}`, { cause: error });
  }
}

async function textOf(response: Response): Promise<string> {
  if (!response.body) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new CliError(EXIT.failed, `an answer of over ${MAX_BYTES} bytes`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: Error & { code?: string } };
  return cause?.code ?? cause?.message ?? message;
}
