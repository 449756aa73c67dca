import type { ServerResponse } from 'node:http';

export type EventFormat = 'sse' | 'ndjson';

/** What a stream ends with: the answer, an error, or the advice to resume elsewhere. */
export type LastEvent = 'done' | 'error' | 'resume';

export interface EventWriterOptions {
  heartbeatMs: number;
  /** A reader that takes nothing for this long is cut off. */
  slowReaderMs: number;
}

export const CONTENT_TYPE: Record<EventFormat, string> = {
  sse: 'text/event-stream; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

/**
 * Writes the events of one stream, as server-sent events or as a JSON object a line, and waits for a slow reader:
 * no more than one event lies in memory for it.
 */
export class EventWriter {
  readonly #response: ServerResponse;
  readonly #format: EventFormat;
  readonly #slowReaderMs: number;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(response: ServerResponse, format: EventFormat, options: EventWriterOptions) {
    this.#response = response;
    this.#format = format;
    this.#slowReaderMs = options.slowReaderMs;
    const ping = format === 'sse' ? ': ping\n\n' : '{"event":"ping"}\n';
    this.#heartbeat = setInterval(() => {
      if (!response.writableNeedDrain && !response.writableEnded) response.write(ping);
    }, options.heartbeatMs);
    response.once('close', () => clearInterval(this.#heartbeat));
  }

  /** Resolves when the reader can take more, or is gone. */
  async token(text: string, id: string): Promise<void> {
    const response = this.#response;
    if (response.closed || response.writableEnded) return;
    if (response.write(this.#event('token', JSON.stringify({ text }), id))) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => response.destroy(), this.#slowReaderMs);
      const proceed = () => {
        clearTimeout(timer);
        response.off('drain', proceed).off('close', proceed);
        resolve();
      };
      response.once('drain', proceed).once('close', proceed);
    });
  }

  /** The last event; `data` is JSON text. */
  end(event: LastEvent, data: string): void {
    clearInterval(this.#heartbeat);
    if (!this.#response.writableEnded) this.#response.end(this.#event(event, data));
  }

  #event(event: string, data: string, id?: string): string {
    if (this.#format === 'ndjson') return `{"event":"${event}",${id ? `"id":"${id}",` : ''}"data":${data}}\n`;
    return `${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${data}\n\n`;
  }
}
