import { AppError } from '@frontier/contracts/errors';
import type { TensorSpec } from '@frontier/contracts/model-spec';
import type { InferenceQueue, Submission, TokenRelay } from '@frontier/contracts/ports';
import { inferenceId, type QueuePolicies } from '@frontier/contracts/queue';
import type { NewRequest, Outcome, Settled } from '@frontier/contracts/request';
import type { TenantResolver } from '@frontier/contracts/tenant';
import { encodeTensors, type Tensor } from '@frontier/contracts/tensor';
import { traceparentOf } from '@frontier/kit/tracing';
import type { Catalogue } from '@frontier/model-store/catalogue';
import type { DriftSampler } from '../drift.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Router } from '../traffic/router.ts';
import type { Shadows } from '../traffic/shadows.ts';
import type { Ticket } from '../traffic/ticket.ts';
import { answerOf, type Answer } from './answer.ts';
import type { Accepted, CallContext, InferenceCall, Prepared } from './call.ts';
import { generationParams, PromptGuard } from './generation.ts';
import { bodyHash, checkIdempotencyKey } from './idempotency.ts';
import { tensorsOf } from './inputs.ts';
import { observeAnswer } from './stages.ts';
import { inTime, timeoutOf } from './timeout.ts';
import { checkUser } from './user.ts';
import { uuidv7 } from './uuid.ts';

export interface PipelineDeps {
  queue: InferenceQueue;
  relay: TokenRelay;
  tenants: TenantResolver;
  catalogue: Catalogue;
  router: Router;
  shadows: Shadows;
  drift: DriftSampler;
  metrics: GatewayMetrics;
}

export interface PipelineConfig {
  policies: QueuePolicies;
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
    if (context.user !== undefined) checkUser(context.user);
    const tenant = await this.tenantOf(context);
    const route = this.#deps.router.route(call, tenant, context);
    const { model, pool, variant } = route;
    const { spec } = model;
    context.variant = variant ?? 'stable';
    context.span?.setAttributes({ tenant, model: spec.name, version: spec.version, variant: context.variant, priority: call.priority }); // prettier-ignore
    const params = generationParams(spec, call.params);
    const tensors = tensorsOf(spec, call.inputs);
    if (spec.generation) await this.#prompts.check(model, tensors[0] as Tensor);
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
      variant,
    };
    if (context.idempotencyKey !== undefined) {
      request.idempotency = { key: context.idempotencyKey, bodyHash: bodyHash(call, payload, params) };
    }
    return { request, route, spec, context };
  }

  /** Throws what `InferenceQueue.submit` throws. */
  async admit(prepared: Prepared): Promise<Accepted> {
    const { request, route, context } = prepared;
    const { ticket, shadow } = route;
    const { id, replayed } = await this.#submit(request, ticket);
    context.span?.setAttribute('inference.id', id);
    const accepted: Accepted = { ...prepared, id, replayed, admitted: performance.now() };
    if (ticket && !replayed) void this.#countEnd(accepted, ticket);
    if (shadow && !replayed) this.#deps.shadows.mirror(accepted, shadow);
    return accepted;
  }

  async #submit(request: NewRequest, ticket: Ticket | undefined): Promise<Submission> {
    const submission = this.#deps.queue.submit(request);
    if (!ticket) return submission;
    return submission.catch((error: unknown) => {
      ticket.refused(AppError.from(error));
      throw error;
    });
  }

  /** Of what a rollout compares, the end is waited for here, whoever else waits for it. */
  async #countEnd({ id, request, context }: Accepted, ticket: Ticket): Promise<void> {
    try {
      const end = this.#deps.queue.wait(id, request.tenant);
      const { outcome } = await inTime(end, request.timeoutMs, false);
      const waited = request.mode === 'job' ? undefined : performance.now() - context.received;
      ticket.settled(outcome, waited);
    } catch {
      ticket.lost();
    }
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
    const { id, request, replayed, context } = accepted;
    const { outcome, outputs } = settled;
    const answer = answerOf(id, settled, this.outputsOf(outcome), context.received);
    if (replayed) return answer;
    observeAnswer(this.#deps.metrics, accepted, answer);
    this.#deps.drift.answered(outcome.model, outcome.version, request.payload, outputs);
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
