import type { DriftReference } from '@frontier/contracts/drift';
import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesTensor, type Tensor } from '@frontier/contracts/tensor';
import { ReferenceBuilder } from '@frontier/policy/drift-reference';
import { summarise } from '@frontier/policy/drift-summary';
import { seededRandom } from '@frontier/policy/random';
import { CliError, EXIT } from '../errors.ts';
import type { AnswerData } from './answers.ts';
import type { GoldenLine } from './golden-set.ts';
import type { Outcome } from './runner.ts';

/** The tensors of a model, as the gateway tells them. */
export interface Declared {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
}

/**
 * `reference.json` of a version: how inputs and answers of a run were distributed, in the features that the gateway
 * watches. Tensors that are not declared are left out. Throws CliError when nothing differs from line to line.
 */
export function referenceOf({ inputs, outputs }: Declared, outcomes: readonly Outcome[]): DriftReference {
  // The same answers make the same file.
  const builder = new ReferenceBuilder(seededRandom(1));
  for (const { line, answer } of outcomes) {
    if (!answer) continue;
    const given = tensorsOf(inputs, givenIn(line, inputs));
    builder.add(summarise(given, tensorsOf(outputs, answeredIn(answer, outputs, given[0]?.shape[0] ?? 1))));
  }
  const reference = builder.build();
  if (Object.keys(reference.features).length > 0) return reference;
  throw new CliError(EXIT.failed, 'no reference: inputs and answers are the same on every line');
}

function givenIn(
  { input, inputs, prompt }: GoldenLine,
  declared: readonly TensorSpec[],
): Record<string, unknown> {
  if (inputs) return inputs;
  const only = declared.find(({ optional }) => !optional);
  return only ? { [only.name]: prompt ?? input } : {};
}

/** A lone text or JSON value is all rows in an array, or the one row itself. */
function answeredIn(
  { output, outputs }: AnswerData,
  [only]: readonly TensorSpec[],
  rows: number,
): Record<string, unknown> {
  if (outputs) return outputs;
  return only ? { [only.name]: rows === 1 ? [output] : output } : {};
}

function tensorsOf(declared: readonly TensorSpec[], values: Record<string, unknown>): Tensor[] {
  return declared.flatMap((spec) =>
    values[spec.name] === undefined ? [] : tensorOf(spec, values[spec.name]),
  );
}

/** Numbers are all of FP64, which holds what the other types do. */
function tensorOf({ name, dtype, kind, shape }: TensorSpec, value: unknown): Tensor {
  const rows: unknown[] = Array.isArray(value) ? value : [value];
  if (dtype === 'BYTES') {
    const elements: unknown[] = rows.flat(shape.length - 1);
    return bytesTensor(
      name,
      elements.map((element) => bytesOf(kind, element)),
    );
  }
  const flat: unknown[] = rows.flat(Infinity);
  const numbers = flat.map((number) => numberOf(dtype, number));
  const data = new Uint8Array(new Float64Array(numbers).buffer);
  return { name, dtype: 'FP64', shape: [rows.length, numbers.length / rows.length], data };
}

function bytesOf(kind: TensorSpec['kind'], element: unknown): Uint8Array {
  if (kind === 'json' || typeof element !== 'string') return Buffer.from(JSON.stringify(element));
  // Of a data URL what is behind the comma.
  return kind === 'image'
    ? Buffer.from(element.slice(element.indexOf(',') + 1), 'base64')
    : Buffer.from(element);
}

function numberOf(dtype: TensorSpec['dtype'], value: unknown): number {
  // What JSON cannot hold.
  if (value === null) return NaN;
  return dtype === 'FP32' ? Math.fround(Number(value)) : Number(value);
}
