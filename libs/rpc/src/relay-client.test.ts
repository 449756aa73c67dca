import { once } from 'node:events';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { TokenChunk } from '@frontier/contracts/request';
import { createLogger } from '@frontier/kit/logger';
import type { ProtoGrpcType } from './gen/dispatch.ts';
import type { GatewayMessage__Output } from './gen/dispatch/v1/GatewayMessage.ts';
import type { RelayMessage } from './gen/dispatch/v1/RelayMessage.ts';
import { loadPackage } from './load.ts';
import { RelayClient } from './relay-client.ts';

type Call = ServerDuplexStream<GatewayMessage__Output, RelayMessage>;

const log = createLogger({ service: 'test', level: 'silent' });
const { dispatch } = loadPackage<ProtoGrpcType>('dispatch/v1/dispatch.proto');

/** A dispatcher that records what gateways say. */
class FakeDispatcher {
  readonly server = new Server();
  readonly calls: Call[] = [];
  readonly said: string[] = [];
  readonly #waiting: Array<{ text: string; resolve: () => void }> = [];
  port = 0;

  async start(port = 0): Promise<void> {
    this.server.addService(dispatch.v1.DispatchService.service, {
      Relay: (call: Call) => {
        this.calls.push(call);
        call.on('error', () => {});
        call.on('data', (message: GatewayMessage__Output) => this.#onMessage(message));
      },
    });
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  async heard(text: string): Promise<void> {
    if (this.said.includes(text)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ text, resolve }));
  }

  #onMessage({ hello, cancel, attach }: GatewayMessage__Output): void {
    const text = hello
      ? `hello ${hello.gateway_id}`
      : cancel
        ? `cancel ${cancel.ids.join()}`
        : `attach ${attach?.id}`;
    this.said.push(text);
    for (const waiting of this.#waiting) if (waiting.text === text) waiting.resolve();
  }
}

describe('RelayClient', () => {
  const dispatchers: FakeDispatcher[] = [];
  const clients: RelayClient[] = [];

  afterEach(() => {
    for (const client of clients.splice(0)) client.stop();
    for (const { server } of dispatchers.splice(0)) server.forceShutdown();
  });

  async function startDispatcher(port = 0): Promise<FakeDispatcher> {
    const dispatcher = new FakeDispatcher();
    dispatchers.push(dispatcher);
    await dispatcher.start(port);
    return dispatcher;
  }

  function startClient(endpoints: () => string[]): RelayClient {
    const client = new RelayClient({
      gatewayId: 'g1',
      addresses: ['dispatchers:0'],
      log,
      resolve: async () => endpoints(),
      resolveEveryMs: 20,
    });
    clients.push(client);
    client.start();
    return client;
  }

  it('greets every dispatcher, fans chunks out by id and drops the others', async () => {
    const [a, b] = [await startDispatcher(), await startDispatcher()];
    const client = startClient(() => [`127.0.0.1:${a.port}`, `127.0.0.1:${b.port}`]);
    await Promise.all([a.heard('hello g1'), b.heard('hello g1')]);

    const chunks: TokenChunk[] = [];
    const last = new Promise<void>((resolve) => {
      client.subscribe('inf_1', (chunk) => {
        chunks.push(chunk);
        if (chunk.text === 'c') resolve();
      });
    });
    await Promise.all([a.heard('attach inf_1'), b.heard('attach inf_1')]);
    const chunk = { epoch: 0, offset: 0, tokens: [1] };
    a.calls[0]?.write({
      chunks: [
        { ...chunk, id: 'inf_2', text: 'x' },
        { ...chunk, id: 'inf_1', text: 'a' },
      ],
    });
    a.calls[0]?.write({ chunks: [{ ...chunk, id: 'inf_1', offset: 1, text: 'c' }] });
    await last;

    expect(chunks.map(({ id, offset, text, tokens }) => ({ id, offset, text, tokens }))).toEqual([
      { id: 'inf_1', offset: 0, text: 'a', tokens: [1] },
      { id: 'inf_1', offset: 1, text: 'c', tokens: [1] },
    ]);
  });

  it('sends cancels to all', async () => {
    const [a, b] = [await startDispatcher(), await startDispatcher()];
    const client = startClient(() => [`127.0.0.1:${a.port}`, `127.0.0.1:${b.port}`]);
    await Promise.all([a.heard('hello g1'), b.heard('hello g1')]);
    client.cancel('inf_9');
    await Promise.all([a.heard('cancel inf_9'), b.heard('cancel inf_9')]);
  });

  it('comes back to a dispatcher that restarts, with its subscriptions', async () => {
    const first = await startDispatcher();
    const { port } = first;
    const client = startClient(() => [`127.0.0.1:${port}`]);
    const unsubscribe = client.subscribe('inf_gone', () => {});
    client.subscribe('inf_1', () => {});
    await first.heard('attach inf_1');
    unsubscribe();
    first.server.forceShutdown();

    const second = await startDispatcher(port);
    await second.heard('attach inf_1');
    expect(second.said).toEqual(['hello g1', 'attach inf_1']);
    expect(client.connected).toBe(1);
  });

  it('follows the addresses', async () => {
    const [a, b] = [await startDispatcher(), await startDispatcher()];
    let endpoints = [`127.0.0.1:${a.port}`];
    startClient(() => endpoints);
    await a.heard('hello g1');
    const gone = once(a.calls[0] as Call, 'cancelled');
    endpoints = [`127.0.0.1:${b.port}`];
    await b.heard('hello g1');
    await gone;
  });
});
