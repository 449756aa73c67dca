import { AppError } from '@frontier/contracts/errors';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { Tensor } from '@frontier/contracts/tensor';
import type { StoredModel } from '@frontier/model-store/repository';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Preprocessor, ProcessingBatch, Step } from './processing/types.ts';
import { nowUs, type BatchOutcome } from './protocol.ts';
import { fromOrt, toOrt } from './tensors.ts';

type Processors = Record<string, Preprocessor>;

/** A graph with its steps before and behind it, inside the model's thread. */
export class Graph {
  readonly #session: InferenceSession;
  readonly #spec: ModelSpec;
  readonly #before: Step[];
  readonly #behind: Step[];
  /** All outputs when steps follow, since these may need any; else only those that callers get. */
  readonly #fetches: string[];

  private constructor(session: InferenceSession, spec: ModelSpec, before: Step[], behind: Step[]) {
    this.#session = session;
    this.#spec = spec;
    this.#before = before;
    this.#behind = behind;
    this.#fetches = behind.length > 0 ? [...session.outputNames] : spec.outputs.map((output) => output.name);
  }

  /** Throws when `model.yaml` names an unknown step, gives it wrong options, or an output that nothing makes. */
  static async create(session: InferenceSession, model: StoredModel): Promise<Graph> {
    const { spec } = model;
    if (spec.preprocess.length + spec.postprocess.length === 0) {
      const unknown = spec.outputs.find((output) => !session.outputNames.includes(output.name));
      if (unknown) throw new Error(`the graph has no output ${unknown.name}`);
      return new Graph(session, spec, [], []);
    }
    // Loaded only by models that need it: it brings the image library with it.
    const { preprocessors, postprocessors } = await import('./processing/registry.ts');
    const before = await stepsOf(spec.preprocess, preprocessors, model);
    const behind = await stepsOf(spec.postprocess, postprocessors, model);
    return new Graph(session, spec, before, behind);
  }

  /** Executes once. Throws when the batch fails as a whole. */
  async run(rows: number, tensors: readonly Tensor[], receivedUs: number): Promise<BatchOutcome> {
    const startUs = nowUs();
    const batch: ProcessingBatch = {
      rows,
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      rowErrors: new Map(),
      notes: new Map(),
    };
    for (const step of this.#before) await step(batch);
    batch.tensors = await this.#execute(batch.tensors);
    for (const step of this.#behind) await step(batch);
    const outputRows = batch.notes.get('outputRows') as number[] | undefined;
    return {
      tensors: this.#outputsOf(batch, outputRows),
      rowErrors: [...batch.rowErrors],
      outputRows,
      computeUs: nowUs() - startUs,
      waitUs: startUs - receivedUs,
    };
  }

  async #execute(tensors: Map<string, Tensor>): Promise<Map<string, Tensor>> {
    const feeds: Record<string, OrtTensor> = {};
    for (const name of this.#session.inputNames) {
      const tensor = tensors.get(name);
      if (tensor) feeds[name] = toOrt(tensor);
    }
    const outputs = await this.#session.run(feeds, this.#fetches).catch((error: unknown) => {
      throw new AppError('INTERNAL_ERROR', `model execution failed: ${(error as Error).message}`, {
        cause: error,
      });
    });
    return new Map(Object.entries(outputs).map(([name, value]) => [name, fromOrt(name, value)]));
  }

  /** Each caller gets exactly its own rows, so an output with any other number of rows is a fault. */
  #outputsOf(batch: ProcessingBatch, outputRows: number[] | undefined): Tensor[] {
    const rows = outputRows?.reduce((sum, n) => sum + n, 0) ?? batch.rows;
    return this.#spec.outputs.flatMap(({ name, optional }) => {
      const tensor = batch.tensors.get(name);
      if (!tensor && optional) return [];
      if (tensor?.shape[0] === rows) return [tensor];
      const got = tensor ? `shape [${tensor.shape.join(',')}]` : 'nothing';
      throw new AppError('INTERNAL_ERROR', `model output ${name}: ${got} for ${rows} rows`);
    });
  }
}

function stepsOf(steps: ModelSpec['preprocess'], known: Processors, model: StoredModel): Promise<Step[]> {
  return Promise.all(
    steps.map(async (options) => {
      const make = Object.hasOwn(known, options.use) ? known[options.use] : undefined;
      if (!make) throw new Error(`unknown step ${options.use}; known are ${Object.keys(known).join(', ')}`);
      return make(options, model);
    }),
  );
}
