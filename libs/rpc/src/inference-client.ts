import { credentials, Metadata, type CallOptions, type ServiceError } from '@grpc/grpc-js';
import type { ProtoGrpcType } from './gen/inference.ts';
import type { InferenceServiceClient } from './gen/inference/v1/InferenceService.ts';
import type { InferRequest } from './gen/inference/v1/InferRequest.ts';
import type { InferResponse__Output } from './gen/inference/v1/InferResponse.ts';
import type { TokenChunk__Output } from './gen/inference/v1/TokenChunk.ts';
import { loadPackage } from './load.ts';

export interface InferenceCallOptions {
  metadata?: Record<string, string>;
  deadlineMs?: number;
  signal?: AbortSignal;
}

/** Of a refused call: the gRPC status, our code, and the metadata in full. */
export type InferenceError = ServiceError;

/** A caller of `inference.v1.InferenceService`: what the project's own tests and tools speak to the gateway with. */
export class InferenceClient {
  readonly #client: InferenceServiceClient;

  /** `address`: `host:port`. */
  constructor(address: string) {
    const { inference } = loadPackage<ProtoGrpcType>('inference/v1/inference.proto');
    this.#client = new inference.v1.InferenceService(address, credentials.createInsecure());
  }

  /** Rejects with InferenceError. */
  infer(request: InferRequest, options: InferenceCallOptions = {}): Promise<InferResponse__Output> {
    return new Promise((resolve, reject) => {
      const call = this.#client.Infer(
        request,
        metadataOf(options),
        callOptions(options),
        (error, response) => {
          if (error) reject(error);
          else resolve(response as InferResponse__Output);
        },
      );
      options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
    });
  }

  /** Throws InferenceError where the stream fails. */
  async *stream(
    request: InferRequest,
    options: InferenceCallOptions = {},
  ): AsyncGenerator<TokenChunk__Output> {
    const call = this.#client.StreamInfer(request, metadataOf(options), callOptions(options));
    options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
    for await (const chunk of call) yield chunk as TokenChunk__Output;
  }

  close(): void {
    this.#client.close();
  }
}

function metadataOf({ metadata = {} }: InferenceCallOptions): Metadata {
  const result = new Metadata();
  for (const [name, value] of Object.entries(metadata)) result.set(name, value);
  return result;
}

function callOptions({ deadlineMs }: InferenceCallOptions): CallOptions {
  return deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
}
