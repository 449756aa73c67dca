import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTracing, stopTracing } from '@frontier/kit/tracing';
import { InferenceClient } from '@frontier/rpc/inference-client';
import { startGateway, type Harness } from './testing/harness.ts';
import { post } from './testing/http.ts';

interface Span {
  name: string;
  traceId: string;
  parentSpanId?: string;
  spanId: string;
  attributes: Array<{ key: string; value: { stringValue?: string } }>;
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('tracing', () => {
  let collector: Server;
  let gateway: Harness;
  const spans: Span[] = [];

  beforeAll(async () => {
    collector = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const body = JSON.parse(Buffer.concat(parts).toString()) as {
        resourceSpans: Array<{ scopeSpans: Array<{ spans: Span[] }> }>;
      };
      spans.push(
        ...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
      );
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as AddressInfo;
    await startTracing({ service: 'gateway', otlpEndpoint: `http://127.0.0.1:${port}`, sampleRatio: 0 });
    gateway = await startGateway();
  });

  afterAll(async () => {
    await gateway.stop();
    collector.close();
  });

  it('goes from the traceparent of the caller to that of the queue', async () => {
    const row = new Array(16).fill(1);
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    await post(
      gateway,
      '/v1/infer',
      { model: 'simple', inputs: { INPUT0: [row], INPUT1: [row] } },
      { traceparent },
    );
    await post(gateway, '/v1/infer', { model: 'simple', inputs: { INPUT0: [row], INPUT1: [row] } });
    const client = new InferenceClient(gateway.grpc);
    await client.infer({ model: 'simple' }, { metadata: { traceparent } }).catch(() => {});
    client.close();
    await stopTracing();

    expect(spans).toHaveLength(2);
    expect(spans.map(({ name, traceId, parentSpanId }) => ({ name, traceId, parentSpanId }))).toEqual([
      { name: 'gateway.infer', traceId: TRACE, parentSpanId: PARENT },
      { name: 'gateway.infer', traceId: TRACE, parentSpanId: PARENT },
    ]);
    const attributes = Object.fromEntries(
      spans[0]?.attributes.map(({ key, value }) => [key, value.stringValue]) ?? [],
    );
    expect(attributes).toMatchObject({
      'http.route': '/v1/infer',
      tenant: 'default',
      model: 'simple',
      variant: 'stable',
      priority: 'standard',
    });
    const [sampled, unsampled] = gateway.queue.submitted;
    expect(sampled?.traceparent).toBe(`00-${TRACE}-${spans[0]?.spanId}-01`);
    expect(unsampled?.traceparent).toBeUndefined();
  });
});
