import { AppError } from '@frontier/contracts/errors';
import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesTensor, elementBytes, elementCount, shapeFits, type Tensor } from '@frontier/contracts/tensor';
import { decodeBase64 } from './base64.ts';
import { invalid } from './invalid.ts';
import { numberWriter } from './number-writer.ts';

/** Deeper than any declared shape: how far an error message follows the nesting of what was given. */
const MAX_RANK_SHOWN = 9;
/** An empty element of a BYTES tensor is its length. */
const BYTES_ELEMENT_MIN = 4;

/**
 * Nested JSON arrays as a tensor of the declared name, dtype and shape. A lone text, image or JSON value stands for
 * one row. Throws INVALID_INPUT that names the tensor and both shapes, or the index of the offending value.
 */
export function tensorFromJson(spec: TensorSpec, given: unknown, maxBytes: number): Tensor {
  const value = spec.dtype === 'BYTES' && spec.shape.length === 1 && !Array.isArray(given) ? [given] : given;
  const shape = shapeOf(value, spec.dtype === 'BYTES' ? spec.shape.length : MAX_RANK_SHOWN);
  if (!shapeFits(shape, spec.shape) || shape.includes(0)) throw wrongShape(spec, shape);
  const count = elementCount(shape);
  // Checked before anything of that size is made: [[…10^6 numbers], [], [], …] claims 10^6 per row.
  const bytes = count * (elementBytes(spec.dtype) || BYTES_ELEMENT_MIN);
  if (bytes > maxBytes) throw tooLarge(spec, bytes, maxBytes);
  if (spec.dtype === 'BYTES') return bytesTensor(spec.name, bytesElements(spec, value, shape, count), shape);
  const { data, write } = numberWriter(spec.dtype, count);
  const problem = eachElement(value, shape, write);
  if (problem !== undefined) throw wrongElement(spec, shape, problem);
  return { name: spec.name, dtype: spec.dtype, shape, data };
}

export function wrongShape(spec: TensorSpec, shape: readonly number[]): AppError {
  return invalid(`tensor ${spec.name}: shape [${shape.join(',')}] does not fit [${spec.shape.join(',')}]`, {
    tensor: spec.name,
    shape,
    expected_shape: spec.shape,
  });
}

export function tooLarge(spec: TensorSpec, bytes: number, maxBytes: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `tensor ${spec.name}: ${bytes} bytes, at most ${maxBytes}`, {
    details: { tensor: spec.name, bytes, max_bytes: maxBytes },
  });
}

/** By the first element of each level. */
function shapeOf(value: unknown, maxRank: number): number[] {
  const shape: number[] = [];
  let inner = value;
  while (Array.isArray(inner) && shape.length < maxRank) {
    shape.push(inner.length);
    inner = (inner as unknown[])[0];
  }
  return shape;
}

/** Takes one element to its flat position; a text says why it cannot. */
type Visit = (element: unknown, at: number) => string | undefined;

interface Problem {
  at: number;
  reason: string;
}

/** Visits the elements in row-major order, and stops at the first that is refused or not where the shape has it. */
function eachElement(value: unknown, shape: readonly number[], visit: Visit): Problem | undefined {
  const walk = (level: unknown, axis: number, start: number, size: number): Problem | undefined => {
    const length = shape[axis] as number;
    if (!Array.isArray(level) || level.length !== length) {
      return { at: start, reason: `is part of a row that has not ${length} values` };
    }
    const step = size / length;
    for (let i = 0; i < length; i++) {
      const at = start + i * step;
      if (axis < shape.length - 1) {
        const problem = walk(level[i], axis + 1, at, step);
        if (problem) return problem;
      } else {
        const reason = visit(level[i], at);
        if (reason !== undefined) return { at, reason };
      }
    }
    return undefined;
  };
  return walk(value, 0, 0, elementCount(shape));
}

function bytesElements(
  spec: TensorSpec,
  value: unknown,
  shape: readonly number[],
  count: number,
): Uint8Array[] {
  const elements = new Array<Uint8Array>(count);
  const problem = eachElement(value, shape, (element, at) => {
    const bytes = bytesOf(spec, element);
    if (typeof bytes === 'string') return bytes;
    elements[at] = bytes;
    return undefined;
  });
  if (problem) throw wrongElement(spec, shape, problem);
  return elements;
}

/** The element as bytes, or why it is none. */
function bytesOf(spec: TensorSpec, element: unknown): Uint8Array | string {
  if (spec.kind === 'json') return Buffer.from(JSON.stringify(element));
  if (typeof element !== 'string') return 'is not a string';
  if (spec.kind !== 'image') return Buffer.from(element);
  return decodeBase64(element) ?? 'is neither base64 nor a data URL';
}

function wrongElement(spec: TensorSpec, shape: readonly number[], { at, reason }: Problem): AppError {
  const index = indexOf(at, shape);
  return invalid(`tensor ${spec.name}: the value at [${index.join('][')}] ${reason}`, {
    tensor: spec.name,
    index,
    datatype: spec.dtype,
    expected_shape: spec.shape,
  });
}

/** Flat position → index on each axis. */
function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = at;
  for (const dim of [...shape].reverse()) {
    index.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return index;
}
