import { AppError, httpStatusOf } from '@frontier/contracts/errors';
import { answerJson, streamEndJson } from '../pipeline/answer-json.ts';
import { invalid } from '../pipeline/invalid.ts';
import type { OpenStream } from '../streams/streams.ts';
import { charsOf } from '../streams/transcript.ts';
import type { HttpDeps } from './deps.ts';
import { CONTENT_TYPE, EventWriter, type EventFormat } from './event-writer.ts';
import { errorJson, type Exchange } from './exchange.ts';
import { REPLAYED } from './infer.ts';
import { readCall } from './read-call.ts';

/** Advice to a client whose gateway is going: come back after this, to another one. */
const RESUME_AFTER_MS = 500;

/** `POST /v1/infer/stream`, and `GET /v1/infer/stream?id=…` to resume: the answer as it grows. */
export class StreamRoute {
  readonly #deps: HttpDeps;
  /** Of each open stream: how to end it with the advice to resume. */
  readonly #open = new Set<() => void>();

  constructor(deps: HttpDeps) {
    this.#deps = deps;
  }

  async handle(exchange: Exchange, query: string): Promise<void> {
    exchange.trace();
    const { streams, pipeline, config } = this.#deps;
    const chars = resumeAt(exchange);
    const resumed = resumedId(exchange, query);
    if (resumed !== undefined)
      return this.#run(exchange, await streams.resume(resumed, exchange.context, chars));
    const call = await readCall(exchange, query, 'stream', config.maxBodyBytes);
    const prepared = await pipeline.prepare(call, exchange.context);
    return this.#run(exchange, await streams.begin(prepared, chars));
  }

  /** Ends all streams in a way that lets their clients go on at another gateway. */
  drain(): void {
    for (const end of this.#open) end();
  }

  async #run(exchange: Exchange, stream: OpenStream): Promise<void> {
    const { config, metrics, streams } = this.#deps;
    const { id, follower, generates } = stream;
    const { response } = exchange;
    const format = formatOf(exchange);
    response.writeHead(200, headersOf(exchange, stream, format)).flushHeaders();
    const writer = new EventWriter(response, format, config);
    const interrupt = () => {
      writer.end('resume', JSON.stringify({ id, retry_ms: RESUME_AFTER_MS }));
      follower.close();
    };
    response.once('close', () => follower.close());
    if (response.closed) follower.close();
    this.#open.add(interrupt);
    metrics.open.streams += 1;
    try {
      const settled = await streams.pump(stream, (text, position) => writer.token(text, position));
      if (!settled) return;
      const answer = stream.answer(settled);
      writer.end('done', generates ? streamEndJson(answer) : answerJson(answer));
    } catch (thrown) {
      const error = AppError.from(thrown);
      writer.end('error', errorJson(error));
      exchange.finish(httpStatusOf(error.code), error);
    } finally {
      this.#open.delete(interrupt);
      metrics.open.streams -= 1;
      follower.close();
      exchange.finish(200);
    }
  }
}

function headersOf(exchange: Exchange, { id, replayed }: OpenStream, format: EventFormat): string[] {
  const own = ['Content-Type', CONTENT_TYPE[format], 'X-Inference-Id', id, 'X-Accel-Buffering', 'no'];
  return exchange.headers(...own, ...(replayed ? REPLAYED : []));
}

function formatOf({ request }: Exchange): EventFormat {
  return /\bapplication\/(x-)?ndjson\b/.test(request.headers.accept ?? '') ? 'ndjson' : 'sse';
}

/** Characters of the answer that the client has, by the id of the last event that it saw. */
function resumeAt({ request }: Exchange): number {
  const eventId = request.headers['last-event-id'];
  if (eventId === undefined || eventId === '') return 0;
  const chars = typeof eventId === 'string' ? charsOf(eventId) : undefined;
  if (chars === undefined) throw invalid('Last-Event-ID: not the id of an event', { field: 'Last-Event-ID' });
  return chars;
}

/** The inference that a client asks to go on with, by header or query; undefined: it asks for a new one. */
function resumedId({ request }: Exchange, query: string): string | undefined {
  const header = request.headers['x-inference-id'];
  const id = typeof header === 'string' ? header : (new URLSearchParams(query).get('id') ?? undefined);
  if (id === undefined && request.method !== 'POST') throw invalid('id: which inference?', { field: 'id' });
  return id;
}
