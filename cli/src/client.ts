import { CliError, EXIT, type ExitCode } from './errors.ts';
import { call, type HttpAnswer } from './http.ts';

export interface ClientOptions {
  url: string;
  key: string;
  timeoutMs: number;
  signal: AbortSignal;
}

type Query = Record<string, string | number | boolean | undefined>;

interface Envelope {
  success: boolean;
  data: unknown;
  error: { code: string; message: string; details: Record<string, unknown> } | null;
  request_id: string;
}

const PAGE = 500;

/** The control service. Throws CliError with what the service says. */
export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await this.#call('GET', path + queryText(query))).data as T;
  }

  async post<T>(path: string, body: object): Promise<T> {
    return (await this.#call('POST', path, body)).data as T;
  }

  /** The first `limit` items of a list that comes in pages; `more`: there are others. */
  async list<T>(path: string, query: Query, limit: number): Promise<{ items: T[]; more: boolean }> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#call('GET', path + queryText({ ...query, cursor, limit: Math.min(PAGE, limit - items.length) })); // prettier-ignore
      items.push(...(page.data as T[]));
      cursor = page.next;
    } while (cursor !== undefined && items.length < limit);
    return { items, more: cursor !== undefined };
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
  ): Promise<{ data: unknown; next: string | undefined }> {
    const { url, key, timeoutMs, signal } = this.#options;
    const headers = { authorization: `Bearer ${key}` };
    const answer = await call({ method, url: url + path, headers, body, timeoutMs, signal });
    const envelope = answer.body as Partial<Envelope> | undefined;
    if (envelope?.success === true) {
      return { data: envelope.data, next: answer.headers.get('x-next-cursor') ?? undefined };
    }
    throw refusal(answer, envelope, url);
  }
}

/** `/admin/versions/` and each part, safe whatever is in it. */
export function path(...parts: readonly string[]): string {
  return `/admin/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}

function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)] as [string, string])).toString()}`;
}

function refusal({ status }: HttpAnswer, envelope: Partial<Envelope> | undefined, url: string): CliError {
  const { error, request_id: id } = envelope ?? {};
  if (!error) return new CliError(EXIT.away, `${url} answers ${status}, but is no control service`);
  return new CliError(
    exitOf(status),
    `${error.code}: ${error.message}${faultsOf(error.details)} (request ${id})`,
  );
}

function faultsOf(details: Record<string, unknown> | undefined): string {
  const faults = details?.['faults'];
  return Array.isArray(faults) && faults.length > 1 ? `\n  ${faults.join('\n  ')}` : '';
}

function exitOf(status: number): ExitCode {
  if (status === 401 || status === 403) return EXIT.forbidden;
  if (status === 404) return EXIT.unknown;
  if (status === 400 || status === 413) return EXIT.usage;
  return status === 503 || status === 504 ? EXIT.away : EXIT.failed;
}
