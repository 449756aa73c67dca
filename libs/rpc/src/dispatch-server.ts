import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ProtoGrpcType } from './gen/dispatch.ts';
import type { DispatcherMessage } from './gen/dispatch/v1/DispatcherMessage.ts';
import type { DispatchServiceHandlers } from './gen/dispatch/v1/DispatchService.ts';
import type { GatewayMessage__Output } from './gen/dispatch/v1/GatewayMessage.ts';
import type { RelayMessage } from './gen/dispatch/v1/RelayMessage.ts';
import type { WorkerMessage__Output } from './gen/dispatch/v1/WorkerMessage.ts';
import { loadPackage } from './load.ts';
import { RpcServer } from './server.ts';

/** One end of a stream that lives as long as its peer. `onClose` is called once, whatever ended it. */
export interface PeerStream<In, Out> {
  send(message: Out): void;
  /** Messages that are not yet on the wire. */
  readonly backlog: number;
  onMessage(listener: (message: In) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

export type WorkerStream = PeerStream<WorkerMessage__Output, DispatcherMessage>;
export type GatewayStream = PeerStream<GatewayMessage__Output, RelayMessage>;

export interface DispatchServerOptions {
  host: string;
  port: number;
  onWorker: (stream: WorkerStream) => void;
  onGateway: (stream: GatewayStream) => void;
}

/** Batches carry images and tensors of many requests. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** A worker that hangs with its machine: what it has runs elsewhere within twice this. */
const KEEPALIVE_MS = 4_000;

/** The dispatcher's server: a stream of each worker and of each gateway. */
export class DispatchServer {
  readonly #server: RpcServer;

  constructor({ host, port, onWorker, onGateway }: DispatchServerOptions) {
    const { dispatch } = loadPackage<ProtoGrpcType>('dispatch/v1/dispatch.proto');
    this.#server = new RpcServer({
      host,
      port,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      keepaliveMs: KEEPALIVE_MS,
    });
    const handlers: DispatchServiceHandlers = {
      Work: (call) => onWorker(peerOf(call)),
      Relay: (call) => onGateway(peerOf(call)),
    };
    this.#server.addService(dispatch.v1.DispatchService.service, handlers);
  }

  /** Gives the port. */
  start(): Promise<number> {
    return this.#server.start();
  }

  async stop(graceMs: number): Promise<void> {
    await this.#server.stop(graceMs);
  }
}

function peerOf<In, Out>(call: ServerDuplexStream<In, Out>): PeerStream<In, Out> {
  let closed = false;
  const closeListeners: (() => void)[] = [];
  const onEnd = () => {
    if (closed) return;
    closed = true;
    for (const listener of closeListeners) listener();
  };
  call.on('end', () => {
    call.end();
    onEnd();
  });
  call.on('error', onEnd);
  call.on('close', onEnd);
  call.on('cancelled', onEnd);
  return {
    send: (message) => {
      if (!closed) call.write(message);
    },
    get backlog() {
      return call.writableLength;
    },
    onMessage: (listener) => call.on('data', listener),
    onClose: (listener) => {
      if (closed) listener();
      else closeListeners.push(listener);
    },
    close: () => call.end(),
  };
}
