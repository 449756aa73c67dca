import { AppError, grpcStatusOf } from '@frontier/contracts/errors';
import { endSpan, startSpan, tracingEnabled } from '@frontier/kit/tracing';
import type { InferRequest__Output } from '@frontier/rpc/gen/inference/v1/InferRequest';
import type { InferResponse } from '@frontier/rpc/gen/inference/v1/InferResponse';
import type { TokenChunk } from '@frontier/rpc/gen/inference/v1/TokenChunk';
import type { InferenceHandlers, InferenceRpc } from '@frontier/rpc/inference-server';
import type { GatewayMetrics } from '../metrics.ts';
import type { Observer } from '../observer.ts';
import type { CallContext, Prepared } from '../pipeline/call.ts';
import { invalid } from '../pipeline/invalid.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Streams } from '../streams/streams.ts';
import { readCall } from './read-call.ts';
import { lastChunkOf, responseOf } from './responses.ts';

export interface GrpcDeps {
  pipeline: Pipeline;
  streams: Streams;
  metrics: GatewayMetrics;
  observer: Observer;
  trustTenantHeader: boolean;
}

type Method = 'Infer' | 'StreamInfer';
type Reply = { response: InferResponse; replayed: boolean };

/** `inference.v1.InferenceService`. */
export class GrpcService implements InferenceHandlers {
  readonly #deps: GrpcDeps;

  constructor(deps: GrpcDeps) {
    this.#deps = deps;
  }

  async infer(request: InferRequest__Output, rpc: InferenceRpc): Promise<Reply> {
    const context = this.#contextOf(request, rpc, 'Infer');
    try {
      const reply = await this.#infer(request, rpc, context);
      this.#finish('Infer', context);
      return reply;
    } catch (thrown) {
      const error = AppError.from(thrown);
      this.#finish('Infer', context, error);
      throw error;
    }
  }

  async stream(
    request: InferRequest__Output,
    rpc: InferenceRpc,
    send: (chunk: TokenChunk) => Promise<void>,
  ): Promise<void> {
    const context = this.#contextOf(request, rpc, 'StreamInfer');
    try {
      await this.#stream(request, rpc, context, send);
      this.#finish('StreamInfer', context);
    } catch (thrown) {
      const error = AppError.from(thrown);
      this.#finish('StreamInfer', context, error);
      throw error;
    }
  }

  async #infer(request: InferRequest__Output, rpc: InferenceRpc, context: CallContext): Promise<Reply> {
    const { pipeline } = this.#deps;
    const call = readCall(request, rpc.deadlineMs, 'sync');
    const accepted = await pipeline.admit(await pipeline.prepare(call, context));
    const { id, replayed, request: queued } = accepted;
    if (!queued.idempotency) {
      const cancel = () => {
        // Behind its deadline the request ends as a timeout, without our help.
        if (rpc.deadlineMs > 0) pipeline.abandon(id, queued.tenant);
      };
      if (rpc.cancelled) cancel();
      else rpc.onCancel(cancel);
    }
    return { response: responseOf(await pipeline.answer(accepted)), replayed };
  }

  async #stream(
    request: InferRequest__Output,
    rpc: InferenceRpc,
    context: CallContext,
    send: (chunk: TokenChunk) => Promise<void>,
  ): Promise<void> {
    const { pipeline, streams, metrics } = this.#deps;
    const prepared = await pipeline.prepare(readCall(request, rpc.deadlineMs, 'stream'), context);
    checkStreamable(prepared);
    const stream = await streams.begin(prepared, 0);
    const { id, follower, generates } = stream;
    rpc.onCancel(() => follower.close());
    if (rpc.cancelled) follower.close();
    metrics.open.streams += 1;
    try {
      const settled = await streams.pump(stream, (text, position) => send({ text, id, event_id: position }));
      if (settled) await send(lastChunkOf(stream.answer(settled), generates));
    } finally {
      metrics.open.streams -= 1;
      follower.close();
    }
  }

  #contextOf(request: InferRequest__Output, rpc: InferenceRpc, method: Method): CallContext {
    const context: CallContext = {
      requestId: rpc.requestId,
      caller: { authorization: rpc.header('authorization') },
      idempotencyKey: rpc.header('idempotency-key') ?? (request.idempotency_key || undefined),
      user: rpc.header('x-user-id'),
      received: performance.now(),
    };
    if (this.#deps.trustTenantHeader) context.caller.tenantHint = rpc.header('x-tenant-id');
    if (tracingEnabled()) {
      context.span = startSpan('gateway.infer', {
        kind: 'server',
        parent: rpc.header('traceparent'),
        attributes: { 'rpc.method': method, 'request.id': rpc.requestId },
      });
    }
    return context;
  }

  #finish(method: Method, { requestId, received, span, variant }: CallContext, error?: AppError): void {
    const code = error ? grpcStatusOf(error.code) : 0;
    this.#deps.observer.grpc({ method, requestId, variant }, code, performance.now() - received, error);
    if (span) endSpan(span, error?.code);
  }
}

/** A chunk of a stream has no place for tensors. */
function checkStreamable({ spec }: Prepared): void {
  const [output, ...others] = spec.outputs;
  const text = output && others.length === 0 && (output.kind === 'text' || output.kind === 'json');
  if (!text) throw invalid(`model ${spec.name} gives tensors: call Infer`, { model: spec.name });
}
