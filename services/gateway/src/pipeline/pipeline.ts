import type { TensorSpec } from '@frontier/contracts/model-spec';
import type { InferenceQueue, TokenRelay } from '@frontier/contracts/ports';
import { inferenceId, type Pool, type QueuePolicies } from '@frontier/contracts/queue';
import type { NewRequest, Outcome, Settled } from '@frontier/contracts/request';
import type { TenantResolver } from '@frontier/contracts/tenant';
import { encodeTensors, type Tensor } from '@frontier/contracts/tensor';
import { traceparentOf } from '@frontier/kit/tracing';
import type { Catalogue } from '@frontier/model-store/catalogue';
import type { GatewayMetrics } from '../metrics.ts';
import { answerOf, type Answer } from './answer.ts';
import type { Accepted, CallContext, InferenceCall, Prepared } from './call.ts';
import { generationParams, PromptGuard } from './generation.ts';
import { bodyHash, checkIdempotencyKey } from './idempotency.ts';
import { tensorsOf } from './inputs.ts';
import { choosePool, findModel } from './route.ts';
import { observeAnswer } from './stages.ts';
import { inTime, timeoutOf } from './timeout.ts';
import { uuidv7 } from './uuid.ts';

export interface PipelineDeps {
  queue: InferenceQueue;
  relay: TokenRelay;
  tenants: TenantResolver;
  catalogue: Catalogue;
  metrics: GatewayMetrics;
}

export interface PipelineConfig {
  policies: QueuePolicies;
  /** Pools that this installation has, in order of preference. */
  pools: readonly Pool[];
  jobTimeoutMs: number;
}

/** What every entry point runs an inference through: check → route → admit and enqueue → await. */
export class Pipeline {
  readonly #deps: PipelineDeps;
  readonly #config: PipelineConfig;
  readonly #prompts = new PromptGuard();

  constructor(deps: PipelineDeps, config: PipelineConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  async tenantOf(context: CallContext): Promise<string> {
    return (await this.#deps.tenants.resolve(context.caller)).id;
  }

  /** All that can be refused without the queue is refused here: NOT_FOUND, INVALID_INPUT, TIMEOUT, UNAVAILABLE … */
  async prepare(call: InferenceCall, context: CallContext): Promise<Prepared> {
    if (context.idempotencyKey !== undefined) checkIdempotencyKey(context.idempotencyKey);
    const tenant = await this.tenantOf(context);
    const model = findModel(this.#deps.catalogue, call.model, call.version);
    const { spec } = model;
    context.span?.setAttributes({ tenant, model: spec.name, version: spec.version, priority: call.priority });
    const params = generationParams(spec, call.params);
    const tensors = tensorsOf(spec, call.inputs);
    if (spec.generation) await this.#prompts.check(model, tensors[0] as Tensor);
    const pool = choosePool(spec, this.#config.policies[call.priority].pool, this.#config.pools);
    const payload = encodeTensors(tensors);
    const request: NewRequest = {
      id: inferenceId(uuidv7(), this.#deps.queue.shardFor(call.priority, pool)),
      tenant,
      model: spec.name,
      version: spec.version,
      priority: call.priority,
      pool,
      mode: call.mode,
      timeoutMs: timeoutOf(call, this.#config.policies, this.#config.jobTimeoutMs, performance.now() - context.received), // prettier-ignore
      payload,
      params,
      traceparent: context.span && traceparentOf(context.span),
    };
    if (context.idempotencyKey !== undefined) {
      request.idempotency = { key: context.idempotencyKey, bodyHash: bodyHash(call, payload, params) };
    }
    return { request, spec, context };
  }

  /** Throws what `InferenceQueue.submit` throws. */
  async admit(prepared: Prepared): Promise<Accepted> {
    const { request, spec, context } = prepared;
    const { id, replayed } = await this.#deps.queue.submit(request);
    context.span?.setAttribute('inference.id', id);
    return { request, spec, context, id, replayed, admitted: performance.now() };
  }

  /** The answer of an accepted request. Throws the error that it ended with. */
  async answer(accepted: Accepted): Promise<Answer> {
    const { open } = this.#deps.metrics;
    const { id, request, replayed } = accepted;
    open.requests += 1;
    try {
      const end = this.#deps.queue.wait(id, request.tenant);
      return this.answerOf(accepted, await inTime(end, request.timeoutMs, replayed));
    } finally {
      open.requests -= 1;
    }
  }

  /** What the terminal record of an accepted request says. Throws the error in it. */
  answerOf(accepted: Accepted, settled: Settled): Answer {
    const { id, replayed, context } = accepted;
    const answer = answerOf(id, settled, this.outputsOf(settled.outcome), context.received);
    if (!replayed) observeAnswer(this.#deps.metrics, accepted, answer);
    return answer;
  }

  /** The outputs that the version declares which answered. */
  outputsOf({ model, version }: Outcome): readonly TensorSpec[] {
    return this.#deps.catalogue.get(model, version)?.spec.outputs ?? [];
  }

  /**
   * Ends a request because its caller is gone, unless somebody waits for it at another gateway. If that fails, its
   * deadline ends it.
   */
  abandon(id: string, tenant: string): void {
    this.#stop(id, this.#deps.queue.abandon(id, tenant)).catch(() => {});
  }

  /** Ends a request unless it has ended, and gives its terminal record; undefined if it is unknown. */
  async cancel(id: string, tenant: string): Promise<Settled | undefined> {
    return this.#stop(id, this.#deps.queue.cancel(id, tenant));
  }

  /** The record decides, for it knows the tenant; only then are those told who may be running it. */
  async #stop(id: string, end: Promise<Settled | undefined>): Promise<Settled | undefined> {
    const settled = await end;
    if (settled?.outcome.status === 'cancelled') this.#deps.relay.cancel(id);
    return settled;
  }
}
