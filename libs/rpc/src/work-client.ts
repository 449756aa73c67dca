import { credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { withTimeout } from '@frontier/kit/abort';
import type { ProtoGrpcType } from './gen/dispatch.ts';
import type { DispatcherMessage__Output } from './gen/dispatch/v1/DispatcherMessage.ts';
import type { DispatchServiceClient } from './gen/dispatch/v1/DispatchService.ts';
import type { WorkerMessage } from './gen/dispatch/v1/WorkerMessage.ts';
import { loadPackage } from './load.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

const OPTIONS = {
  // A dispatcher that starts again is there within seconds.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
};

/** A worker's stream to one dispatcher. */
export class WorkStream {
  readonly #call: ClientDuplexStream<WorkerMessage, DispatcherMessage__Output>;
  /** Resolves when the stream is over, whatever ended it. */
  readonly ended: Promise<void>;
  #over = false;

  private constructor(
    client: DispatchServiceClient,
    onMessage: (message: DispatcherMessage__Output) => void,
  ) {
    this.#call = client.Work();
    this.#call.on('data', onMessage);
    this.ended = new Promise((resolve) => {
      this.#call.on('error', () => resolve());
      this.#call.on('end', resolve);
    });
    void this.ended.then(() => {
      this.#over = true;
      this.#call.end();
      client.close();
    });
  }

  /** Connects to `ip:port` and opens the stream. Rejects when nobody answers there within 5 s. */
  static connect(
    endpoint: string,
    onMessage: (message: DispatcherMessage__Output) => void,
  ): Promise<WorkStream> {
    const { dispatch } = loadPackage<ProtoGrpcType>('dispatch/v1/dispatch.proto');
    const client = new dispatch.v1.DispatchService(endpoint, credentials.createInsecure(), OPTIONS);
    return new Promise((resolve, reject) => {
      client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, (error) => {
        if (error) {
          client.close();
          return reject(error);
        }
        // Not within this callback: grpc-js 1.14 tells READY before the subchannel has its transport, and would try
        // a call that is made here again and again without ever leaving the turn.
        setImmediate(() => resolve(new WorkStream(client, onMessage)));
      });
    });
  }

  /** Nothing happens once the stream is over. */
  send(message: WorkerMessage): void {
    if (!this.#over && this.#call.writable) this.#call.write(message);
  }

  /** Resolves when the dispatcher has all that was sent and the stream is over, at the latest after 1 s. */
  async close(): Promise<void> {
    this.#call.end();
    await withTimeout(this.ended, CLOSE_TIMEOUT_MS, new Error('not closed')).catch(() => this.#call.cancel());
  }
}
