import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, loadPackageDefinition, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Redis } from 'ioredis';
import { startTracing, stopTracing } from '@frontier/kit/tracing';
import { OtlpReceiver } from './support/otlp-receiver.ts';
import { startStack, type Stack } from './support/stack.ts';

jest.setTimeout(60_000);

let stack: Stack;
const otlp = new OtlpReceiver();

beforeAll(async () => {
  await startTracing({ service: 'test', otlpEndpoint: await otlp.start(), sampleRatio: 0 });
  stack = await startStack('simple,tiny-gpt,ocr-detect,text-direction,ocr-recognise');
});
afterAll(async () => {
  await stack.stop();
  await stopTracing();
  otlp.stop();
});

const row = Array.from({ length: 16 }, (_, i) => i);
const simple = { model: 'simple', inputs: { INPUT0: [row], INPUT1: [row.map(() => 1)] } };

interface Envelope {
  success: boolean;
  data: { id: string; output: unknown; outputs: Record<string, number[][]>; status: string; usage: { completion_tokens: number } }; // prettier-ignore
  error: { code: string; message: string } | null;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(stack.http + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: body instanceof Uint8Array ? new Blob([body]) : JSON.stringify(body),
  });
  return { response, envelope: (await response.json()) as Envelope };
}

/** The events of an SSE stream: `[event, data]`. */
async function events(body: unknown): Promise<[string, Record<string, unknown>][]> {
  const response = await fetch(`${stack.http}/v1/infer/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(body),
  });
  return (await response.text())
    .split('\n\n')
    .map((block) => [/^event: (.*)$/m.exec(block)?.[1], /^data: (.*)$/m.exec(block)?.[1]])
    .flatMap(([event, data]) =>
      event && data ? [[event, JSON.parse(data) as Record<string, unknown>] as const] : [],
    )
    .map(([event, data]) => [event, data]);
}

interface InferenceClient extends Client {
  Infer(request: object, done: (error: Error | null, answer: { output: string; outputs: { name: string; data: Buffer }[] }) => void): void; // prettier-ignore
}

function grpcClient(): InferenceClient {
  const definition = loadSync('proto/inference/v1/inference.proto', { keepCase: true });
  const { inference } = loadPackageDefinition(definition) as unknown as {
    inference: { v1: { InferenceService: new (address: string, c: unknown) => InferenceClient } };
  };
  return new inference.v1.InferenceService(stack.grpc, credentials.createInsecure());
}

describe('the main path, on real components', () => {
  it('answers a synchronous call over HTTP', async () => {
    const { response, envelope } = await post('/v1/infer', simple);
    expect(response.status).toBe(200);
    expect(envelope).toMatchObject({ success: true, error: null, data: { status: 'completed' } });
    expect(envelope.data.outputs).toEqual({
      OUTPUT0: [row.map((n) => n + 1)],
      OUTPUT1: [row.map((n) => n - 1)],
    });
  });

  it('answers the same call over gRPC', async () => {
    const client = grpcClient();
    const bytes = (values: number[]) => Buffer.from(Int32Array.from(values).buffer);
    const tensor = (name: string, values: number[]) => ({
      name,
      datatype: 'INT32',
      shape: [1, 16],
      data: bytes(values),
    });
    const answer = await new Promise<{ outputs: { name: string; data: Buffer }[] }>((resolve, reject) => {
      const inputs = [tensor('INPUT0', row), tensor('INPUT1', row)];
      client.Infer({ model: 'simple', inputs }, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
    client.close();
    expect(answer.outputs[0]?.data).toEqual(bytes(row.map((n) => 2 * n)));
  });

  it('runs a job to its result, and the same key to the same job', async () => {
    const first = await post('/v1/jobs', simple, { 'idempotency-key': 'job-1' });
    expect(first.response.status).toBe(202);
    const location = first.response.headers.get('location') as string;
    const again = await post('/v1/jobs', simple, { 'idempotency-key': 'job-1' });
    expect(again.response.headers.get('location')).toBe(location);
    const other = await post('/v1/jobs', { ...simple, priority: 'vip' }, { 'idempotency-key': 'job-1' });
    expect(other.envelope.error?.code).toBe('CONFLICT');
    let status = 'processing';
    for (let i = 0; i < 100 && status === 'processing'; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      status = ((await (await fetch(stack.http + location)).json()) as Envelope).data.status;
    }
    expect(status).toBe('completed');
  });

  it('streams a generated text, and gives the same text for the same seed', async () => {
    const body = {
      model: 'tiny-gpt',
      prompt: 'Once upon a time',
      params: { seed: 5, max_new_tokens: 24, temperature: 0.8 },
    };
    const [streamed, { envelope }] = await Promise.all([events(body), post('/v1/infer', body)]);
    const text = streamed
      .filter(([event]) => event === 'token')
      .map(([, data]) => data['text'])
      .join('');
    expect(streamed.at(-1)).toMatchObject([
      'done',
      { status: 'completed', usage: { completion_tokens: 24 } },
    ]);
    expect(text.length).toBeGreaterThan(20);
    expect(envelope.data.output).toBe(text);
  });

  it('reads the text of an image, through an ensemble of three models', async () => {
    const image = readFileSync(join('docs/examples/hello.png'));
    const { envelope } = await post('/v1/infer?model=ocr', new Uint8Array(image), {
      'content-type': 'image/png',
    });
    const { lines } = envelope.data.output as { lines: { text: string }[] };
    expect(lines.map((line) => line.text)).toEqual([
      'Hello, OCR!',
      'Invoice 2026-0417',
      'Total: 1,284.50 EUR',
    ]);
  });

  it('refuses bad input at once, and leaves nothing in the queue', async () => {
    const bad = await Promise.all([
      post('/v1/infer', { model: 'nobody', prompt: 'x' }),
      post('/v1/infer', { model: 'simple', inputs: { INPUT0: [[1]], INPUT1: [row] } }),
      post('/v1/infer', { ...simple, deadline_ms: -1 }),
      post('/v1/infer', { model: 'ocr', input: Buffer.from('not an image').toString('base64') }),
      post('/v1/infer', { model: 'tiny-gpt', prompt: 'word '.repeat(1_000) }),
    ]);
    expect(bad.map(({ response }) => response.status)).toEqual([404, 400, 400, 400, 400]);
    expect(bad[1]?.envelope.error?.message).toMatch(/INPUT0/);
    const redis = new Redis(stack.redis.url);
    const left = await redis.keys('{f:*}:r:*');
    redis.disconnect();
    expect(left).toEqual([]);
  });

  it('shows one trace over all hops, from the caller’s traceparent to the worker', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await post('/v1/infer', simple, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    const mine = () => otlp.spans.filter((span) => span.traceId === traceId);
    for (let i = 0; i < 100 && mine().length < 4; i += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const spans = new Map(mine().map((span) => [span.name, span]));
    const chain = ['gateway.infer', 'dispatcher.run', 'dispatcher.batch', 'worker.execute'];
    expect([...spans.keys()].sort()).toEqual([...chain].sort());
    const parents = chain.map((name) => spans.get(name)?.parentSpanId);
    expect(parents).toEqual([
      'b7ad6b7169203331',
      ...chain.slice(0, 3).map((name) => spans.get(name)?.spanId),
    ]);
  });
});
