import { AppError } from '@frontier/contracts/errors';
import type { EnsembleSpec, ModelSpec, TensorSpec } from '@frontier/contracts/model-spec';
import type { Timing } from '@frontier/contracts/request';
import {
  bytesElements,
  bytesTensor,
  elementBytes,
  elementCount,
  type Tensor,
} from '@frontier/contracts/tensor';
import { concatRows, splitRows } from '@frontier/policy/rows';
import { rowValues } from './row-values.ts';
import { failure, type Failure, type WorkResult } from './work.ts';

type Step = EnsembleSpec['steps'][number];

export interface EnsembleRun {
  spec: ModelSpec;
  inputs: Tensor[];
  /** The specification of a step's model. */
  specOf: (model: string) => ModelSpec;
  /** Executes a step's model once; batched like any request of it. */
  run: (model: string, inputs: Tensor[]) => Promise<WorkResult>;
}

class StepFailed extends Error {
  readonly result: Failure;

  constructor(result: Failure) {
    super('a step failed');
    this.result = result;
  }
}

/**
 * Runs the steps of an ensemble in order; the intermediate tensors stay here. The first error of a step is the
 * error of the whole. The time that its steps spent is added up.
 */
export async function runEnsemble(ensemble: EnsembleRun): Promise<WorkResult> {
  const { spec, inputs } = ensemble;
  const { steps, rows, maxRows } = spec.ensemble as EnsembleSpec;
  const values = new Map(inputs.map((tensor) => [tensor.name, tensor]));
  const timing: Timing = { queue: 0, forming: 0, transport: 0, compute: 0 };
  try {
    for (const step of steps) await runStep(ensemble, step, values, timing, maxRows);
  } catch (error) {
    if (error instanceof StepFailed) return error.result;
    return failure(AppError.from(error), 'permanent');
  }
  if (rows) values.set(rows.output, table(rows.output, rows.key, rows.columns, values));
  const outputs = spec.outputs.map(({ name }) => {
    const tensor = values.get(name);
    if (!tensor) throw new AppError('INTERNAL_ERROR', `the ensemble ${spec.name} makes no ${name}`);
    return { ...tensor, name };
  });
  return { ok: true, outputs, timing };
}

async function runStep(
  { specOf, run }: EnsembleRun,
  step: Step,
  values: Map<string, Tensor>,
  timing: Timing,
  maxRows: number,
) {
  // prettier-ignore
  const spec = specOf(step.model);
  const calls =
    step.forEach === undefined ? [inputsOf(step, spec, values)] : eachRow(step, spec, values, maxRows);
  const results = await Promise.all(calls.map((inputs) => run(step.model, inputs)));
  const parts: Tensor[][] = [];
  const longest: Timing = { queue: 0, forming: 0, transport: 0, compute: 0 };
  for (const result of results) {
    if (!result.ok) throw new StepFailed(result);
    parts.push(result.outputs);
    // The calls of a step run side by side: the slowest one is what the caller waited for.
    for (const stage of ['forming', 'transport', 'compute'] as const) {
      longest[stage] = Math.max(longest[stage], result.timing[stage]);
    }
  }
  for (const stage of ['forming', 'transport', 'compute'] as const) timing[stage] += longest[stage];
  for (const [output, name] of Object.entries(step.outputs)) {
    const stacked = parts.map((outputs) => outputs.find((tensor) => tensor.name === output) as Tensor);
    const declared = spec.outputs.find((o) => o.name === output);
    values.set(
      name,
      stacked.length > 0 ? { ...concatRows(stacked), name } : empty(name, declared as TensorSpec),
    );
  }
}

function inputsOf(step: Step, spec: ModelSpec, values: Map<string, Tensor>): Tensor[] {
  return spec.inputs.flatMap(({ name }) => {
    const from = step.inputs[name];
    return typeof from === 'string' ? [{ ...valueOf(values, from), name }] : [];
  });
}

/** The inputs of each call of a `forEach`: tensors with as many rows are cut, others go along whole. */
function eachRow(step: Step, spec: ModelSpec, values: Map<string, Tensor>, maxRows: number): Tensor[][] {
  const rows = valueOf(values, step.forEach as string).shape[0] ?? 0;
  if (rows > maxRows)
    throw new AppError('INVALID_INPUT', `${rows} parts of one request; at most ${maxRows} can be run`);
  const ones = Array.from({ length: rows }, () => 1);
  const columns = spec.inputs.flatMap((input) => {
    const from = step.inputs[input.name];
    if (from === undefined) return [];
    const tensor = valueOf(values, typeof from === 'string' ? from : from.from);
    if (typeof from !== 'string')
      return [bytesElements(tensor).map((data) => viewOf(data, input, from.shape))];
    if (tensor.shape[0] !== rows) return [ones.map(() => ({ ...tensor, name: input.name }))];
    return [splitRows(tensor, ones).map((part) => ({ ...part, name: input.name }))];
  });
  return ones.map((_, row) => columns.map((column) => column[row] as Tensor));
}

/** Bytes read as a tensor of the given shape; its one -1 follows from their number. */
function viewOf(data: Uint8Array, { name, dtype }: TensorSpec, shape: number[]): Tensor {
  const known = elementBytes(dtype) * elementCount(shape.filter((dim) => dim !== -1));
  return { name, dtype, shape: shape.map((dim) => (dim === -1 ? data.length / known : dim)), data };
}

function valueOf(values: Map<string, Tensor>, name: string): Tensor {
  const tensor = values.get(name);
  if (!tensor) throw new AppError('INTERNAL_ERROR', `the ensemble has no value ${name}`);
  return tensor;
}

function empty(name: string, { dtype, shape }: TensorSpec): Tensor {
  return { name, dtype, shape: [0, ...shape.slice(1)], data: new Uint8Array(0) };
}

/** One JSON value: `{key: [{column: value of the row, …}, …]}`. */
function table(
  output: string,
  key: string,
  columns: Record<string, string>,
  values: Map<string, Tensor>,
): Tensor {
  const names = Object.keys(columns);
  const cells = Object.values(columns).map((name) => rowValues(valueOf(values, name)));
  const rows = (cells[0] ?? []).map((_, row) =>
    Object.fromEntries(names.map((name, i) => [name, cells[i]?.[row]])),
  );
  return bytesTensor(output, [new TextEncoder().encode(JSON.stringify({ [key]: rows }))]);
}
