import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesElements, type Tensor } from '@frontier/contracts/tensor';
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
  const elements = tensor.dtype === 'BYTES' ? elementsJson(tensor, kind) : numbersJson(tensor);
  return nest(elements, tensor.shape);
}

function elementsJson(tensor: Tensor, kind: Kind): string[] {
  return bytesElements(tensor).map((element) => {
    const buffer = Buffer.from(element.buffer, element.byteOffset, element.byteLength);
    if (kind === 'json') return buffer.toString();
    return JSON.stringify(buffer.toString(kind === 'image' ? 'base64' : 'utf8'));
  });
}

function numbersJson(tensor: Tensor): string[] {
  const numbers = numbersOf(tensor);
  const texts = new Array<string>(numbers.length);
  const boolean = tensor.dtype === 'BOOL';
  for (let i = 0; i < texts.length; i++) {
    const number = numbers[i] as number | bigint;
    if (boolean) texts[i] = number ? 'true' : 'false';
    else texts[i] = typeof number === 'bigint' || Number.isFinite(number) ? String(number) : 'null';
  }
  return texts;
}

/** Joins the innermost rows, then the rows of those, outwards. */
function nest(elements: string[], shape: readonly number[]): string {
  let level = elements;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] as number;
    const rows = new Array<string>(
      length === 0 ? shape.slice(0, axis).reduce((a, b) => a * b, 1) : level.length / length,
    );
    for (let i = 0; i < rows.length; i++)
      rows[i] = `[${level.slice(i * length, (i + 1) * length).join(',')}]`;
    level = rows;
  }
  return level.join(',');
}
