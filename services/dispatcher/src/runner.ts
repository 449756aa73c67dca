import type { FailureKind } from '@frontier/contracts/dead-letter';
import { AppError } from '@frontier/contracts/errors';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { Outcome, Settled } from '@frontier/contracts/request';
import {
  bytesElements,
  bytesTensor,
  decodeTensors,
  encodeTensors,
  type Tensor,
} from '@frontier/contracts/tensor';
import type { Logger } from '@frontier/kit/logger';
import type { Catalogue } from '@frontier/model-store/catalogue';
import { planSplit } from '@frontier/policy/split';
import type { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenRequest } from '@frontier/redis/taken';
import { runEnsemble } from './ensemble.ts';
import type { Lanes } from './lanes.ts';
import { runInParts } from './parts.ts';
import type { Relay } from './relay.ts';
import { Sequence, type SequenceResult } from './sequence.ts';
import { TokenWriter } from './token-writer.ts';
import { failure, WorkItem, type Failure, type WorkResult, type WorkSource } from './work.ts';

export interface RunnerOptions {
  catalogue: Catalogue;
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
    try {
      const { spec } = this.#modelOf(request);
      const inputs = decodeTensors(request.payload);
      if (spec.generation) return await this.#generate(request, spec, inputs);
      const result = spec.ensemble
        ? await this.#runEnsemble(request, spec, inputs)
        : await this.#execute(this.#source(request), spec, inputs);
      return result.ok ? this.#completed(request, result) : failed(request, result);
    } catch (error) {
      const known = AppError.from(error);
      if (known.code === 'INTERNAL_ERROR')
        this.#options.log.error({ err: error, id: request.id }, 'a request failed');
      return failed(request, failure(known, 'permanent'));
    }
  }

  #modelOf(request: TakenRequest) {
    const model = this.#options.catalogue.get(request.model, request.version);
    if (!model) throw new AppError('NOT_FOUND', `no version ${request.version} of model ${request.model}`);
    return model;
  }

  #source(request: TakenRequest): WorkSource {
    const { id, tenant, epoch, shard, localDeadline, waitedMs, trace, rerun } = request;
    return {
      id,
      tenant,
      epoch,
      priority: shard.priority,
      waitedMs,
      deadline: localDeadline,
      trace,
      again: rerun,
    };
  }

  #completed(request: TakenRequest, result: WorkResult & { ok: true }): RunEnd {
    const { model, version, waitedMs } = request;
    const outputs = encodeTensors(result.outputs);
    const { maxResultBytes } = this.#options;
    if (outputs.length > maxResultBytes) {
      throw new AppError(
        'PAYLOAD_TOO_LARGE',
        `an answer of ${outputs.length} bytes, at most ${maxResultBytes} are kept`,
      );
    }
    const timing = { ...result.timing, queue: waitedMs };
    return { settled: { outcome: { status: 'completed', model, version, timing }, outputs } };
  }

  /** One execution; of a request that is larger than a batch, one for each part. */
  async #execute(source: WorkSource, spec: ModelSpec, inputs: Tensor[]): Promise<WorkResult> {
    const { maxBatchBytes } = this.#options;
    const whole = new WorkItem(source, inputs);
    const limits = { maxRows: spec.batching.maxRows, maxBytes: maxBatchBytes };
    const parts = planSplit(whole.rows, whole.bytes, limits);
    if (parts.length === 1) return this.#runItem(spec, whole);
    return runInParts(inputs, parts, (part) => this.#runItem(spec, new WorkItem(source, part)));
  }

  async #runItem(spec: ModelSpec, item: WorkItem): Promise<WorkResult> {
    const lane = this.#options.lanes.batch(spec);
    const forget = this.#options.lanes.onCancel(item.source.id, () => lane.cancel(item));
    try {
      return await lane.run(item);
    } finally {
      forget();
    }
  }

  #runEnsemble(request: TakenRequest, spec: ModelSpec, inputs: Tensor[]): Promise<WorkResult> {
    const source = this.#source(request);
    const specOf = (name: string) => {
      const model = this.#options.catalogue.get(name);
      if (!model) throw new AppError('NOT_FOUND', `the ensemble ${spec.name} needs the model ${name}`);
      return model.spec;
    };
    return runEnsemble({
      spec,
      inputs,
      specOf,
      run: (model, step) => this.#execute(source, specOf(model), step),
    });
  }

  async #generate(request: TakenRequest, spec: ModelSpec, inputs: Tensor[]): Promise<RunEnd> {
    const { lanes, relay, queue, log } = this.#options;
    const [prompt] = inputs[0] ? bytesElements(inputs[0]) : [];
    const streams = request.mode === 'stream';
    const writer = streams ? new TokenWriter(queue, request, log) : undefined;
    const earlier = streams && request.rerun ? await queue.readTokens(request) : [];
    const lane = lanes.generation(spec);
    const sequence = new Sequence(
      {
        source: this.#source(request),
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
    const forget = lanes.onCancel(request.id, () => lane.cancel(sequence));
    try {
      lane.start(sequence);
      const result = await sequence.result;
      return 'ok' in result ? failed(request, result) : generated(request, spec, result);
    } finally {
      forget();
      relay.forget(request.id);
      await writer?.end();
    }
  }
}

function generated(request: TakenRequest, spec: ModelSpec, result: SequenceResult): RunEnd {
  const outcome: Outcome = {
    status: 'completed',
    model: request.model,
    version: request.version,
    usage: { prompt_tokens: result.promptTokens, completion_tokens: result.completionTokens },
    finish: result.reason,
    timing: { queue: request.waitedMs, forming: result.waitedMs, transport: 0, compute: result.computeMs },
  };
  const text = bytesTensor(spec.outputs[0]?.name ?? 'text', [new TextEncoder().encode(result.text)]);
  return { settled: { outcome, outputs: encodeTensors([text]) } };
}

/** The end of a request that failed: what a timeout or a cancellation is, the code says. */
export function failed({ model, version }: TakenRequest, { error, kind }: Failure): RunEnd {
  const status = error.code === 'TIMEOUT' ? 'timeout' : error.code === 'CANCELLED' ? 'cancelled' : 'failed';
  const settled: Settled = { outcome: { status, model, version, error }, outputs: NOTHING };
  if (status === 'cancelled') return { settled };
  return { settled, kind: status === 'timeout' ? 'deadline' : kind };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
