import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endSpan, startSpan, startTracing, stopTracing, traceparentOf, tracingEnabled } from './tracing.ts';

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  links?: { spanId: string }[];
  status: { code?: number; message?: string };
}

let collector: Server;
let endpoint = '';
let received: OtlpSpan[] = [];
let services: unknown[] = [];

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
    for (const { resource, scopeSpans } of resourceSpans) {
      services.push(...resource.attributes);
      for (const { spans } of scopeSpans) received.push(...spans);
    }
    response.writeHead(request.url === '/v1/traces' ? 200 : 404).end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`;
});
afterAll(() => new Promise((done) => collector.close(done)));
beforeEach(() => {
  received = [];
  services = [];
});
afterEach(() => stopTracing());

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test('off without an endpoint: spans are dummies', async () => {
  await startTracing({ service: 'gateway', sampleRatio: 1 });
  expect(tracingEnabled()).toBe(false);
  const span = startSpan('infer', { kind: 'server', parent: `00-${TRACE}-${SPAN}-01` });
  expect(traceparentOf(span)).toBeUndefined();
  endSpan(span, 'TIMEOUT');
});

test('a trace goes from the caller through two hops, with links, to the collector', async () => {
  await startTracing({ service: 'gateway', otlpEndpoint: endpoint, sampleRatio: 0 });
  const server = startSpan('infer', { kind: 'server', parent: `00-${TRACE}-${SPAN}-01` });
  const batch = startSpan('batch', {
    kind: 'consumer',
    parent: traceparentOf(server),
    links: [traceparentOf(server) ?? '', 'nonsense'],
    attributes: { size: 2 },
  });
  endSpan(batch, 'TIMEOUT');
  endSpan(server);
  await stopTracing();

  const [first, second] = received;
  expect(first).toMatchObject({ traceId: TRACE, name: 'batch', kind: 5, parentSpanId: second?.spanId });
  expect(first?.links).toEqual([expect.objectContaining({ spanId: second?.spanId })]);
  expect(first?.status).toMatchObject({ code: 2, message: 'TIMEOUT' });
  expect(second).toMatchObject({ traceId: TRACE, name: 'infer', kind: 2, parentSpanId: SPAN });
  expect(services).toContainEqual({ key: 'service.name', value: { stringValue: 'gateway' } });
});

test("the caller's decision wins over the ratio; the ratio decides where there is none", async () => {
  await startTracing({ service: 'gateway', otlpEndpoint: endpoint, sampleRatio: 1 });
  const dropped = startSpan('infer', { parent: `00-${TRACE}-${SPAN}-00` });
  expect(traceparentOf(dropped)).toBeUndefined();
  for (const bad of [undefined, '', 'x', `00-${'0'.repeat(32)}-${SPAN}-01`, `ff-${TRACE}-${SPAN}-01`]) {
    const root = startSpan('infer', { parent: bad });
    expect(traceparentOf(root)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(traceparentOf(root)).not.toContain(TRACE);
  }
});

test('a collector that is away delays a stop only within its bounds', async () => {
  await startTracing({ service: 'gateway', otlpEndpoint: 'http://127.0.0.1:1', sampleRatio: 1 });
  endSpan(startSpan('infer'));
  await stopTracing();
  expect(tracingEnabled()).toBe(false);
});
