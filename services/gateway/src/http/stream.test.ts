import { connect, type Socket } from 'node:net';
import type { TokenChunk } from '@frontier/contracts/request';
import { AppError } from '@frontier/contracts/errors';
import { textOutput, type Execution } from '../testing/fake-queue.ts';
import { startGateway, type Harness } from '../testing/harness.ts';
import { post, refusalOf, until } from '../testing/http.ts';

interface Event {
  event: string;
  id?: string;
  data?: Record<string, unknown>;
}

function sseEvents(text: string): Event[] {
  const blocks = text.split('\n\n').filter((block) => block !== '' && !block.startsWith(':'));
  return blocks.map((block) => {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)),
    ) as Record<string, string>;
    return {
      event: fields['event'] ?? '',
      ...(fields['id'] && { id: fields['id'] }),
      data: JSON.parse(fields['data'] ?? 'null'),
    };
  });
}

const textOf = (events: Event[]) =>
  events.map(({ event, data }) => (event === 'token' ? data?.['text'] : '')).join('');

describe('/v1/infer/stream', () => {
  let gateway: Harness;
  let finish: (execution: Execution) => void;
  let fail: (error: unknown) => void;

  async function start(overrides: Parameters<typeof startGateway>[0] = {}): Promise<void> {
    gateway = await startGateway(overrides);
    gateway.queue.execute = () => new Promise((resolve, reject) => ([finish, fail] = [resolve, reject]));
  }
  beforeEach(() => start());
  afterEach(() => gateway.stop());

  const open = (
    headers: Record<string, string> = {},
    signal?: AbortSignal,
    body: object = { model: 'poet', prompt: 'x' },
  ) => post(gateway, '/v1/infer/stream', body, headers, signal);
  const idOf = (response: Response) => response.headers.get('x-inference-id') ?? '';

  function say(id: string, offset: number, text: string, epoch = 0): TokenChunk {
    const chunk = { id, epoch, offset, tokens: [...text].map((_, i) => i), text };
    gateway.relay.emit(chunk);
    return chunk;
  }

  function complete(text: string): void {
    finish({
      outputs: textOutput(text),
      outcome: { finish: 'stop', usage: { prompt_tokens: 1, completion_tokens: text.length } },
    });
  }

  it('streams tokens, then the rest and the end', async () => {
    const response = await open();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    const id = idOf(response);
    say(id, 0, 'ab\n');
    await turn();
    say(id, 3, 'cd');
    say(id, 3, 'cd');
    say(id, 0, 'ab\n');
    await turn();
    complete('ab\ncdef');
    const events = sseEvents(await response.text());
    expect(events).toEqual([
      { event: 'token', id: '0.3', data: { text: 'ab\n' } },
      { event: 'token', id: '0.5', data: { text: 'cd' } },
      { event: 'token', id: '0.7', data: { text: 'ef' } },
      {
        event: 'done',
        data: {
          id,
          model: 'poet',
          version: '2',
          usage: { prompt_tokens: 1, completion_tokens: 7 },
          finish_reason: 'stop',
          latency_ms: expect.any(Number),
          variant: 'stable',
          status: 'completed',
        },
      },
    ]);
    expect(gateway.relay.listening).toEqual([]);
  });

  it('streams a JSON object a line to who accepts that', async () => {
    const response = await open({ accept: 'application/x-ndjson' });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    say(idOf(response), 0, 'ab');
    await turn();
    complete('ab');
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Event);
    expect(lines).toMatchObject([
      { event: 'token', id: '0.2', data: { text: 'ab' } },
      { event: 'done', data: { finish_reason: 'stop' } },
    ]);
  });

  it('gives the whole answer of a model that does not generate', async () => {
    const response = await open({}, undefined, { model: 'floats', input: [[[1, 2], [3, 4]]] }); // prettier-ignore
    finish({
      outputs: [
        { name: 'y', dtype: 'FP32', shape: [1, 2], data: new Uint8Array(Float32Array.of(1, 2).buffer) },
      ],
    });
    expect(sseEvents(await response.text())).toMatchObject([
      { event: 'done', data: { outputs: { y: [[1, 2]] } } },
    ]);
  });

  it('ends with the error of the record', async () => {
    const response = await open();
    fail(new AppError('UPSTREAM_ERROR', 'the model failed'));
    expect(sseEvents(await response.text())).toEqual([
      {
        event: 'error',
        data: { code: 'UPSTREAM_ERROR', message: 'the model failed', details: { id: idOf(response) } },
      },
    ]);
    expect(await gateway.registry.metrics()).toContain(
      'http_requests_total{route="/v1/infer/stream",method="POST",code="502"} 1',
    );
  });

  it('refuses in the envelope what cannot begin', async () => {
    await refusalOf(await open({}, undefined, { model: 'nobody', prompt: 'x' }), 404);
    await refusalOf(await open({ 'last-event-id': 'seven' }), 400);
    gateway.queue.refusal = new AppError('OVERLOADED', 'full', { retryAfterS: 1 });
    await refusalOf(await open(), 429);
    expect(gateway.relay.listening).toEqual([]);
  });

  it('sends heartbeats', async () => {
    await gateway.stop();
    await start({ heartbeatMs: 10 });
    const response = await open();
    await new Promise((resolve) => setTimeout(resolve, 50));
    complete('');
    expect(await response.text()).toMatch(/^(: ping\n\n){2,}event: done/);
  });

  describe('resuming', () => {
    const resume = (id: string, lastEventId?: string) =>
      fetch(`${gateway.url}/v1/infer/stream?id=${id}`, {
        headers: lastEventId ? { 'last-event-id': lastEventId } : {},
      });

    it('goes on after the last event, from the log and then live', async () => {
      const id = idOf(await open());
      gateway.queue.log.set(id, [say(id, 0, 'abc'), say(id, 3, 'd')]);
      const again = await resume(id, '0.1');
      await until(() => gateway.relay.listening.includes(id));
      await turn();
      say(id, 4, 'e');
      complete('abcdef');
      const events = sseEvents(await again.text());
      expect(textOf(events)).toBe('bcdef');
      expect(events.at(-1)?.event).toBe('done');
    });

    it('starts from the beginning without an event id, and gives it all when it has ended', async () => {
      const first = await open();
      const id = idOf(first);
      complete('abc');
      await first.text();
      expect(textOf(sseEvents(await (await resume(id)).text()))).toBe('abc');
      expect(textOf(sseEvents(await (await resume(id, '0.2')).text()))).toBe('c');
      const byHeader = await post(
        gateway,
        '/v1/infer/stream',
        {},
        { 'x-inference-id': id, 'last-event-id': '0.3' },
      );
      expect(sseEvents(await byHeader.text())).toMatchObject([{ event: 'done' }]);
    });

    it('attaches to the stream of the same key', async () => {
      const key = { 'idempotency-key': 'k' };
      const first = await open(key);
      const id = idOf(first);
      gateway.queue.log.set(id, [say(id, 0, 'ab')]);
      const second = await open({ ...key, 'last-event-id': '0.1' });
      expect(idOf(second)).toBe(id);
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      complete('abc');
      expect(textOf(sseEvents(await second.text()))).toBe('bc');
      expect(textOf(sseEvents(await first.text()))).toBe('abc');
    });

    it('knows nothing of others', async () => {
      await refusalOf(await resume('inf_1'), 404);
      await refusalOf(await fetch(`${gateway.url}/v1/infer/stream`), 400);
    });
  });

  describe('a client that goes', () => {
    beforeEach(async () => {
      await gateway.stop();
      await start({ streamGraceMs: 60 });
    });

    async function leave(headers: Record<string, string> = {}): Promise<string> {
      const abort = new AbortController();
      const response = await open(headers, abort.signal);
      abort.abort();
      await until(() => gateway.relay.listening.length === 0);
      return idOf(response);
    }

    it('has the grace time to come back', async () => {
      const id = await leave();
      expect(gateway.queue.outstanding).toBe(1);
      await until(() => gateway.queue.outstanding === 0);
      expect(gateway.relay.cancelled).toEqual([id]);
    });

    it('keeps its request when it comes back', async () => {
      const id = await leave();
      const again = await fetch(`${gateway.url}/v1/infer/stream?id=${id}`);
      await new Promise((resolve) => setTimeout(resolve, 120));
      expect(gateway.queue.outstanding).toBe(1);
      complete('abc');
      expect(textOf(sseEvents(await again.text()))).toBe('abc');
    });

    it('loses nothing of a request with a key', async () => {
      await leave({ 'idempotency-key': 'k' });
      await new Promise((resolve) => setTimeout(resolve, 120));
      expect(gateway.queue.outstanding).toBe(1);
    });
  });

  it('cuts a reader that does not read, with bounded memory', async () => {
    await gateway.stop();
    await start({ slowReaderMs: 100, streamGraceMs: 50 });
    const socket = await neverReads(gateway);
    await until(() => gateway.queue.submitted.length === 1);
    const id = gateway.queue.submitted[0]?.id ?? '';
    await until(() => gateway.relay.listening.includes(id));
    const before = process.memoryUsage().rss;
    const part = 'x'.repeat(256 * 1024);
    // 64 MiB, far more than the buffers of both sockets.
    for (let i = 0; i < 256; i++) {
      gateway.relay.emit({ id, epoch: 0, offset: i, tokens: [i], text: part });
      await turn();
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024);
    await until(() => gateway.queue.outstanding === 0);
    expect(gateway.relay.listening).toEqual([]);
    socket.destroy();
  });

  it('tells its clients to resume elsewhere when it stops', async () => {
    const response = await open();
    const id = idOf(response);
    say(id, 0, 'ab');
    await turn();
    const stopped = gateway.gateway.stop();
    expect(sseEvents(await response.text())).toEqual([
      { event: 'token', id: '0.2', data: { text: 'ab' } },
      { event: 'resume', data: { id, retry_ms: expect.any(Number) } },
    ]);
    await stopped;
    expect(gateway.queue.outstanding).toBe(1);
  });
});

/** Lets the stream write what it has. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function neverReads(gateway: Harness): Promise<Socket> {
  const socket = connect(gateway.gateway.ports.http, '127.0.0.1');
  socket.on('error', () => {}).pause();
  const body = JSON.stringify({ model: 'poet', prompt: 'x' });
  socket.write(
    `POST /v1/infer/stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}
