import { credentials, type Client, type ClientDuplexStream } from '@grpc/grpc-js';
import type { TokenChunk } from '@frontier/contracts/request';
import { sleep } from '@frontier/kit/abort';
import type { ProtoGrpcType } from './gen/dispatch.ts';
import type { DispatchServiceClient } from './gen/dispatch/v1/DispatchService.ts';
import type { GatewayMessage } from './gen/dispatch/v1/GatewayMessage.ts';
import type { RelayMessage__Output } from './gen/dispatch/v1/RelayMessage.ts';
import { loadPackage } from './load.ts';

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** A stream that lived this long was a good one: the next attempt waits little. */
const STABLE_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Messages that wait for a dispatcher that does not read; what exceeds them is dropped: the relay is best effort. */
const MAX_UNSENT = 10_000;

const OPTIONS = {
  // A dispatcher that starts again is there within seconds.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
};

type RelayStream = ClientDuplexStream<GatewayMessage, RelayMessage__Output>;

export interface RelayLinkOptions {
  /** `ip:port` of one dispatcher. */
  endpoint: string;
  /** What a fresh stream says first. */
  greeting: () => GatewayMessage[];
  onChunk: (chunk: TokenChunk) => void;
  onState: (connected: boolean) => void;
}

/** The Relay stream to one dispatcher, opened again with backoff and jitter whenever it breaks. */
export class RelayLink {
  readonly #options: RelayLinkOptions;
  readonly #abort = new AbortController();
  readonly #client: DispatchServiceClient;
  #stream: RelayStream | undefined;

  constructor(options: RelayLinkOptions) {
    const { dispatch } = loadPackage<ProtoGrpcType>('dispatch/v1/dispatch.proto');
    this.#options = options;
    this.#client = new dispatch.v1.DispatchService(options.endpoint, credentials.createInsecure(), OPTIONS);
    void this.#run();
  }

  send(message: GatewayMessage): void {
    if (this.#stream && this.#stream.writableLength < MAX_UNSENT) this.#stream.write(message);
  }

  close(): void {
    this.#abort.abort();
    this.#stream?.cancel();
    this.#client.close();
  }

  async #run(): Promise<void> {
    let backoff = BACKOFF_MIN_MS;
    do {
      const started = performance.now();
      if (await ready(this.#client)) await this.#talk();
      backoff =
        performance.now() - started > STABLE_MS ? BACKOFF_MIN_MS : Math.min(backoff * 2, BACKOFF_MAX_MS);
    } while (await sleep(Math.random() * backoff, this.#abort.signal));
  }

  /** Until the stream ends. */
  async #talk(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const stream = this.#client.Relay();
    this.#stream = stream;
    for (const message of this.#options.greeting()) stream.write(message);
    this.#options.onState(true);
    stream.on('data', ({ chunks }: RelayMessage__Output) => chunks.forEach(this.#options.onChunk));
    await new Promise<void>((resolve) => {
      stream.on('error', () => resolve());
      stream.on('end', resolve);
    });
    this.#stream = undefined;
    this.#options.onState(false);
  }
}

function ready(client: Client): Promise<boolean> {
  return new Promise((resolve) => {
    client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, (error) => resolve(!error));
  });
}
