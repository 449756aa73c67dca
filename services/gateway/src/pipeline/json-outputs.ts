import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesElements, elementCount, type Tensor } from '@frontier/contracts/tensor';
import { numbersOf } from './numbers.ts';

type Kind = TensorSpec['kind'];

/**
 * The outputs as members of a JSON object, without its braces: `"output":…` of a model whose one output is text or
 * JSON (an array when there are several rows), else `"outputs":{name: nested arrays}`. Numbers that JSON cannot
 * hold become null. Text, since building objects first would cost more than all other work for large tensors.
 */
export function outputsJson(declared: readonly TensorSpec[], outputs: readonly Tensor[]): string {
  const single = singleOutput(declared, outputs);
  if (single) {
    const rows = elementsJson(single.tensor, single.kind);
    return `"output":${rows.length === 1 ? rows[0] : `[${rows.join(',')}]`}`;
  }
  const members = outputs.map(
    (tensor) => `${JSON.stringify(tensor.name)}:${tensorJson(tensor, kindOf(declared, tensor))}`,
  );
  return `"outputs":{${members.join(',')}}`;
}

/** The one output as plain text, or as JSON unless it is one row of text; undefined where there are tensors. */
export function outputText(declared: readonly TensorSpec[], outputs: readonly Tensor[]): string | undefined {
  const single = singleOutput(declared, outputs);
  if (!single) return undefined;
  const { tensor, kind } = single;
  const [first, ...rest] = bytesElements(tensor);
  if (kind === 'text' && first && rest.length === 0) return Buffer.from(first).toString();
  const rows = elementsJson(tensor, kind);
  return rows.length === 1 ? rows[0] : `[${rows.join(',')}]`;
}

/** The output of a model that has exactly one, and that text or JSON. */
function singleOutput(
  declared: readonly TensorSpec[],
  outputs: readonly Tensor[],
): { tensor: Tensor; kind: Kind } | undefined {
  const [tensor] = outputs;
  if (!tensor || outputs.length !== 1) return undefined;
  const kind = kindOf(declared, tensor);
  return kind === 'text' || kind === 'json' ? { tensor, kind } : undefined;
}

function kindOf(declared: readonly TensorSpec[], tensor: Tensor): Kind {
  return declared.find((output) => output.name === tensor.name)?.kind ?? 'tensor';
}

function tensorJson(tensor: Tensor, kind: Kind): string {
  const outer = tensor.shape.slice(0, -1);
  const length = tensor.shape.at(-1) ?? 0;
  const rows = tensor.dtype === 'BYTES' ? rowsOf(elementsJson(tensor, kind), outer, length) : numberRows(tensor, outer, length); // prettier-ignore
  return nest(rows, outer);
}

function elementsJson(tensor: Tensor, kind: Kind): string[] {
  return bytesElements(tensor).map((element) => {
    const buffer = Buffer.from(element.buffer, element.byteOffset, element.byteLength);
    if (kind === 'json') return buffer.toString();
    return JSON.stringify(buffer.toString(kind === 'image' ? 'base64' : 'utf8'));
  });
}

/** The innermost rows as JSON. Joining a typed array takes half the time of any loop over its elements. */
function numberRows(tensor: Tensor, outer: readonly number[], length: number): string[] {
  if (tensor.dtype === 'BOOL') return rowsOf(Array.from(tensor.data, bitJson), outer, length);
  const numbers = numbersOf(tensor);
  const mayBeNull = tensor.dtype.startsWith('FP');
  const rows = new Array<string>(elementCount(outer));
  for (let i = 0; i < rows.length; i++) {
    const row = numbers.subarray(i * length, (i + 1) * length).join(',');
    rows[i] = `[${mayBeNull ? row.replace(NOT_FINITE, 'null') : row}]`;
  }
  return rows;
}

const NOT_FINITE = /NaN|-?Infinity/g;

function bitJson(bit: number): string {
  return bit === 0 ? 'false' : 'true';
}

function rowsOf(elements: readonly string[], outer: readonly number[], length: number): string[] {
  const rows = new Array<string>(elementCount(outer));
  for (let i = 0; i < rows.length; i++)
    rows[i] = `[${elements.slice(i * length, (i + 1) * length).join(',')}]`;
  return rows;
}

/** Joins rows by the dimensions outside of them, from the inner to the outer. */
function nest(rows: string[], outer: readonly number[]): string {
  let level = rows;
  for (let axis = outer.length - 1; axis >= 0; axis--) {
    level = rowsOf(level, outer.slice(0, axis), outer[axis] as number);
  }
  return level.join(',');
}
