import type { FailureKind } from '@frontier/contracts/dead-letter';
import { AppError } from '@frontier/contracts/errors';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { Outcome, Settled, TokenChunk } from '@frontier/contracts/request';
import {
  bytesElements,
  bytesTensor,
  decodeTensors,
  encodeTensors,
  type Tensor,
} from '@frontier/contracts/tensor';
import type { Logger } from '@frontier/kit/logger';
import { planSplit } from '@frontier/policy/split';
import type { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenRequest } from '@frontier/redis/taken';
import { runEnsemble } from './ensemble.ts';
import type { Lanes } from './lanes.ts';
import { runInParts } from './parts.ts';
import type { Relay } from './relay.ts';
import { Sequence, type SequenceResult } from './sequence.ts';
import type { Serving } from './serving.ts';
import { TokenWriter } from './token-writer.ts';
import { failure, WorkItem, type Failure, type WorkResult, type WorkSource } from './work.ts';

export interface RunnerOptions {
  serving: Serving;
  lanes: Lanes;
  relay: Relay;
  queue: DispatchQueue;
  /** Bytes of inputs of one batch, and of outputs of one request, at most. */
  maxBatchBytes: number;
  maxResultBytes: number;
  log: Logger;
}

const NOTHING = new Uint8Array(0);

/** How a run ended: with an end for the request's terminal record; `kind` where it failed and something may be done. */
export interface RunEnd {
  settled: Settled;
  kind?: FailureKind;
}

/** Runs a taken request to its end: what its terminal record will say. Never throws. */
export class Runner {
  readonly #options: RunnerOptions;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  async run(request: TakenRequest): Promise<RunEnd> {
    const source = this.#source(request);
    try {
      const streamed = request.mode === 'stream' && request.rerun;
      const earlier = streamed ? await this.#options.queue.readTokens(request) : [];
      // From here until its work is in a lane nothing waits: else it could miss that its version changes.
      const spec = this.#point(request, source) ?? (await this.#pointLate(request, source));
      const inputs = decodeTensors(request.payload);
      if (spec.generation) return await this.#generate(request, source, spec, inputs, earlier);
      const result = spec.ensemble
        ? await this.#runEnsemble(source, spec, inputs)
        : await this.#execute(source, spec, inputs);
      return result.ok ? this.#completed(source, result) : failed(source, result);
    } catch (error) {
      const known = AppError.from(error);
      if (known.code === 'INTERNAL_ERROR')
        this.#options.log.error({ err: error, id: request.id }, 'a request failed');
      return failed(source, failure(known, 'permanent'));
    }
  }

  /** Decides which version it runs as; undefined: that one is not known here. */
  #point(request: TakenRequest, source: WorkSource): ModelSpec | undefined {
    const { serving } = this.#options;
    source.version = serving.versionOf(request);
    return serving.spec(source.model, source.version);
  }

  /** A gateway may have seen the version first. */
  async #pointLate(request: TakenRequest, source: WorkSource): Promise<ModelSpec> {
    await this.#options.serving.arrival(source.model, source.version);
    const spec = this.#point(request, source);
    if (!spec) throw new AppError('NOT_FOUND', `no version ${source.version} of model ${source.model}`);
    return spec;
  }

  #source(request: TakenRequest): WorkSource {
    const { id, tenant, model, version, variant, epoch, shard, localDeadline, waitedMs, trace, rerun } = request; // prettier-ignore
    return {
      id,
      tenant,
      model,
      version,
      variant,
      epoch,
      priority: shard.priority,
      waitedMs,
      deadline: localDeadline,
      trace,
      again: rerun,
    };
  }

  #completed({ model, version, variant, waitedMs }: WorkSource, result: WorkResult & { ok: true }): RunEnd {
    const outputs = encodeTensors(result.outputs);
    const { maxResultBytes } = this.#options;
    if (outputs.length > maxResultBytes) {
      throw new AppError(
        'PAYLOAD_TOO_LARGE',
        `an answer of ${outputs.length} bytes, at most ${maxResultBytes} are kept`,
      );
    }
    const timing = { ...result.timing, queue: waitedMs };
    return { settled: { outcome: { status: 'completed', model, version, variant, timing }, outputs } };
  }

  /** One execution; of a request that is larger than a batch, one for each part. */
  async #execute(source: WorkSource, spec: ModelSpec, inputs: Tensor[]): Promise<WorkResult> {
    const { maxBatchBytes } = this.#options;
    const whole = new WorkItem(source, inputs);
    const limits = { maxRows: spec.batching.maxRows, maxBytes: maxBatchBytes };
    const parts = planSplit(whole.rows, whole.bytes, limits);
    if (parts.length === 1) return this.#runItem(spec, whole);
    const { version } = source;
    const result = await runInParts(inputs, parts, (part) => this.#runItem(spec, new WorkItem(source, part)));
    if (source.version === version) return result;
    // It moved while some parts were with workers: an answer has one version.
    const moved = this.#options.serving.spec(source.model, source.version);
    return moved ? this.#execute(source, moved, inputs) : result;
  }

  async #runItem(spec: ModelSpec, item: WorkItem): Promise<WorkResult> {
    const { lanes } = this.#options;
    const forget = lanes.onCancel(item.source.id, () => lanes.cancelItem(item));
    try {
      return await lanes.batch(spec).run(item);
    } finally {
      forget();
    }
  }

  #runEnsemble(source: WorkSource, spec: ModelSpec, inputs: Tensor[]): Promise<WorkResult> {
    const specOf = (name: string) => {
      const step = this.#options.serving.step(name);
      if (!step) throw new AppError('NOT_FOUND', `the ensemble ${spec.name} needs the model ${name}`);
      return step;
    };
    return runEnsemble({
      spec,
      inputs,
      specOf,
      run: (model, step) => this.#execute(source, specOf(model), step),
    });
  }

  async #generate(
    request: TakenRequest,
    source: WorkSource,
    spec: ModelSpec,
    inputs: Tensor[],
    earlier: readonly TokenChunk[],
  ): Promise<RunEnd> {
    const { lanes, relay, queue, log } = this.#options;
    const [prompt] = inputs[0] ? bytesElements(inputs[0]) : [];
    const writer = request.mode === 'stream' ? new TokenWriter(queue, request, log) : undefined;
    const sequence = new Sequence(
      {
        source,
        prompt: new TextDecoder().decode(prompt),
        params: request.params ?? {},
        // Without a seed of the caller's, one that a re-run will find again.
        seed: request.params?.seed ?? hash(request.id),
        made: earlier.flatMap((chunk) => chunk.tokens),
        onChunk: (chunk) => {
          if (!writer) return;
          relay.send(request.gateway, chunk);
          writer.add(chunk);
        },
      },
      spec.generation?.defaultMaxNewTokens,
    );
    const forget = lanes.onCancel(request.id, () => lanes.cancelSequence(sequence));
    try {
      lanes.generation(spec).start(sequence);
      const result = await sequence.result;
      return 'ok' in result ? failed(source, result) : generated(source, spec, result);
    } finally {
      forget();
      relay.forget(request.id);
      await writer?.end();
    }
  }
}

function generated(source: WorkSource, spec: ModelSpec, result: SequenceResult): RunEnd {
  const { model, version, variant, waitedMs } = source;
  const outcome: Outcome = {
    status: 'completed',
    model,
    version,
    variant,
    usage: { prompt_tokens: result.promptTokens, completion_tokens: result.completionTokens },
    finish: result.reason,
    timing: { queue: waitedMs, forming: result.waitedMs, transport: 0, compute: result.computeMs },
  };
  const text = bytesTensor(spec.outputs[0]?.name ?? 'text', [new TextEncoder().encode(result.text)]);
  return { settled: { outcome, outputs: encodeTensors([text]) } };
}

/** The end of a request that failed: what a timeout or a cancellation is, the code says. */
export function failed(
  { model, version, variant }: Pick<TakenRequest, 'model' | 'version' | 'variant'>,
  { error, kind }: Failure,
): RunEnd {
  const status = error.code === 'TIMEOUT' ? 'timeout' : error.code === 'CANCELLED' ? 'cancelled' : 'failed';
  const settled: Settled = { outcome: { status, model, version, variant, error }, outputs: NOTHING };
  if (status === 'cancelled') return { settled };
  return { settled, kind: status === 'timeout' ? 'deadline' : kind };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
