import { randomUUID } from 'node:crypto';
import { Metadata, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { AppError } from '@frontier/contracts/errors';
import type { ProtoGrpcType } from './gen/inference.ts';
import type { InferenceServiceHandlers } from './gen/inference/v1/InferenceService.ts';
import type { InferRequest__Output } from './gen/inference/v1/InferRequest.ts';
import type { InferResponse } from './gen/inference/v1/InferResponse.ts';
import type { TokenChunk } from './gen/inference/v1/TokenChunk.ts';
import { loadDefinition, loadPackage } from './load.ts';
import { RpcServer } from './server.ts';
import { statusOf } from './status.ts';

type Call =
  | ServerUnaryCall<InferRequest__Output, InferResponse>
  | ServerWritableStream<InferRequest__Output, TokenChunk>;

const REQUEST_ID = /^[\w.-]{1,128}$/;

/** What a handler may know of its call beside the request. */
export class InferenceRpc {
  readonly requestId: string;
  readonly #call: Call;
  #ended = false;

  constructor(call: Call) {
    this.#call = call;
    const given = this.header('x-request-id');
    this.requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
  }

  /** The first value of an entry of the metadata. */
  header(name: string): string | undefined {
    const value = this.#call.metadata.get(name)[0];
    return value === undefined ? undefined : String(value);
  }

  /** Milliseconds until the deadline, 0 or less behind it; Infinity: there is none. */
  get deadlineMs(): number {
    return Number(this.#call.getDeadline()) - Date.now();
  }

  /** By its caller, or since its deadline has passed. */
  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  /** Not called for a call that has its answer or its error. */
  onCancel(listener: () => void): void {
    this.#call.on('cancelled', () => {
      if (!this.#ended) listener();
    });
  }

  /** Just before the status goes out: with it grpc-js calls every call cancelled. */
  end(): void {
    this.#ended = true;
  }
}

export interface InferenceHandlers {
  infer(
    request: InferRequest__Output,
    rpc: InferenceRpc,
  ): Promise<{ response: InferResponse; replayed: boolean }>;
  /** `send` resolves when the caller can take more. */
  stream(
    request: InferRequest__Output,
    rpc: InferenceRpc,
    send: (chunk: TokenChunk) => Promise<void>,
  ): Promise<void>;
}

export interface InferenceServerOptions {
  host: string;
  port: number;
  maxMessageBytes: number;
  maxStreams: number;
  reflection: boolean;
  /** A reader of a stream that takes nothing for this long is cut off. */
  slowReaderMs: number;
}

const PROTO = 'inference/v1/inference.proto';

/** `inference.v1.InferenceService` on its port. Whatever a handler throws becomes the status of its call. */
export class InferenceServer {
  readonly #server: RpcServer;

  constructor(options: InferenceServerOptions, handlers: InferenceHandlers) {
    const { host, port, maxMessageBytes, maxStreams, reflection, slowReaderMs } = options;
    this.#server = new RpcServer({
      host,
      port,
      maxMessageBytes,
      maxStreams,
      ...(reflection && { reflect: loadDefinition(PROTO) }),
    });
    const implementation: InferenceServiceHandlers = {
      Infer: (call, callback) => unary(call, callback, handlers),
      StreamInfer: (call) => stream(call, handlers, slowReaderMs),
    };
    this.#server.addService(
      loadPackage<ProtoGrpcType>(PROTO).inference.v1.InferenceService.service,
      implementation,
    );
  }

  /** Gives the port. */
  start(): Promise<number> {
    return this.#server.start();
  }

  stop(graceMs: number): Promise<void> {
    return this.#server.stop(graceMs);
  }
}

function unary(
  call: ServerUnaryCall<InferRequest__Output, InferResponse>,
  callback: sendUnaryData<InferResponse>,
  handlers: InferenceHandlers,
): void {
  const rpc = new InferenceRpc(call);
  handlers.infer(call.request, rpc).then(
    ({ response, replayed }) => {
      const trailers = new Metadata();
      trailers.set('x-request-id', rpc.requestId);
      if (replayed) trailers.set('idempotent-replayed', 'true');
      rpc.end();
      callback(null, response, trailers);
    },
    (error: unknown) => {
      rpc.end();
      callback(statusOf(AppError.from(error), rpc.requestId));
    },
  );
}

function stream(
  call: ServerWritableStream<InferRequest__Output, TokenChunk>,
  handlers: InferenceHandlers,
  slowReaderMs: number,
): void {
  const rpc = new InferenceRpc(call);
  const fail = (error: unknown) => {
    rpc.end();
    call.emit('error', statusOf(AppError.from(error), rpc.requestId));
  };
  const send = async (chunk: TokenChunk) => {
    if (call.cancelled || call.write(chunk)) return;
    await drained(call, slowReaderMs);
  };
  handlers.stream(call.request, rpc, send).then(() => {
    rpc.end();
    call.end();
  }, fail);
}

/** Resolves when the reader takes more or is gone. Rejects when it takes too long. */
function drained(
  call: ServerWritableStream<InferRequest__Output, TokenChunk>,
  slowReaderMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new AppError('CANCELLED', 'the reader of the stream takes nothing')),
      slowReaderMs,
    );
    const proceed = () => {
      clearTimeout(timer);
      call.off('drain', proceed).off('cancelled', proceed);
      resolve();
    };
    call.once('drain', proceed).once('cancelled', proceed);
  });
}
