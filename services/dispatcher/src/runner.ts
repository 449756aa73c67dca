import { AppError, toWireError, type WireError } from '@frontier/contracts/errors';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { QueuePolicies } from '@frontier/contracts/queue';
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
import type { DispatchQueue } from '@frontier/redis/dispatch-queue';
import type { TakenRequest } from '@frontier/redis/shard-consumer';
import { runEnsemble } from './ensemble.ts';
import type { SequenceResult } from './generation-lane.ts';
import type { Lanes } from './lanes.ts';
import type { Relay } from './relay.ts';
import { TokenWriter } from './token-writer.ts';
import { WorkItem, type WorkResult, type WorkSource } from './work.ts';

export interface RunnerOptions {
  catalogue: Catalogue;
  lanes: Lanes;
  relay: Relay;
  policies: QueuePolicies;
  queue: DispatchQueue;
  /** Bytes of outputs of one request at most. */
  maxResultBytes: number;
  log: Logger;
}

const NOTHING = new Uint8Array(0);

/** Runs a taken request to its end: what its terminal record will say. Never throws. */
export class Runner {
  readonly #options: RunnerOptions;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  async run(request: TakenRequest): Promise<Settled> {
    try {
      const { spec } = this.#modelOf(request);
      const inputs = decodeTensors(request.payload);
      if (spec.generation) return await this.#generate(request, spec, inputs);
      const result = spec.ensemble
        ? await this.#runEnsemble(request, spec, inputs)
        : await this.#execute(this.#source(request), spec, inputs);
      return this.#settled(request, result);
    } catch (error) {
      const known = AppError.from(error);
      if (known.code === 'INTERNAL_ERROR')
        this.#options.log.error({ err: error, id: request.id }, 'a request failed');
      return failed(request, toWireError(known));
    }
  }

  #modelOf(request: TakenRequest) {
    const model = this.#options.catalogue.get(request.model, request.version);
    if (!model) throw new AppError('NOT_FOUND', `no version ${request.version} of model ${request.model}`);
    return model;
  }

  #source(request: TakenRequest): WorkSource {
    const { priority } = request.shard;
    return {
      id: request.id,
      epoch: request.epoch,
      priority,
      deadline: request.localDeadline,
      trace: request.trace,
      attempts: this.#options.policies[priority].attempts,
    };
  }

  #settled(request: TakenRequest, result: WorkResult): Settled {
    if (!result.ok) return failed(request, result.error);
    const { model, version, waitedMs } = request;
    const outputs = encodeTensors(result.outputs);
    const { maxResultBytes } = this.#options;
    if (outputs.length > maxResultBytes) {
      throw new AppError(
        'PAYLOAD_TOO_LARGE',
        `an answer of ${outputs.length} bytes, at most ${maxResultBytes} are kept`,
      );
    }
    return {
      outcome: { status: 'completed', model, version, timing: { ...result.timing, queue: waitedMs } },
      outputs,
    };
  }

  async #execute(source: WorkSource, spec: ModelSpec, inputs: Tensor[]): Promise<WorkResult> {
    const lane = this.#options.lanes.batch(spec);
    const item = new WorkItem(source, inputs);
    const forget = this.#options.lanes.onCancel(source.id, () => lane.cancel(item));
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

  async #generate(request: TakenRequest, spec: ModelSpec, inputs: Tensor[]): Promise<Settled> {
    const { lanes, relay, queue, log } = this.#options;
    const [prompt] = inputs[0] ? bytesElements(inputs[0]) : [];
    const streams = request.mode === 'stream';
    const writer = streams ? new TokenWriter(queue, request, log) : undefined;
    const earlier = streams && request.rerun ? await queue.readTokens(request) : [];
    const lane = lanes.generation(spec);
    const forget = lanes.onCancel(request.id, () => lane.cancel(request.id));
    try {
      const result = await lane.run({
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
      });
      return generated(request, spec, result);
    } finally {
      forget();
      relay.forget(request.id);
      await writer?.end();
    }
  }
}

function generated(request: TakenRequest, spec: ModelSpec, result: SequenceResult): Settled {
  const outcome: Outcome = {
    status: 'completed',
    model: request.model,
    version: request.version,
    usage: { prompt_tokens: result.promptTokens, completion_tokens: result.completionTokens },
    finish: result.reason,
    timing: { queue: request.waitedMs, forming: result.waitedMs, transport: 0, compute: result.computeMs },
  };
  const text = bytesTensor(spec.outputs[0]?.name ?? 'text', [new TextEncoder().encode(result.text)]);
  return { outcome, outputs: encodeTensors([text]) };
}

/** The end of a request that failed: what a timeout or a cancellation is, the code says. */
export function failed({ model, version }: TakenRequest, error: WireError): Settled {
  const status = error.code === 'TIMEOUT' ? 'timeout' : error.code === 'CANCELLED' ? 'cancelled' : 'failed';
  return { outcome: { status, model, version, error }, outputs: NOTHING };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
