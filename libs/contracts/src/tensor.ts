import { AppError } from './errors.ts';

/** Bytes of one element; 0: variable length, each element behind its u32 little-endian length (as in OIP v2). */
const ELEMENT_BYTES = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  INT32: 4,
  UINT32: 4,
  INT64: 8,
  UINT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
} as const;

/** Data types by their Open Inference Protocol names. */
export type DType = keyof typeof ELEMENT_BYTES;
export const DTYPES = Object.keys(ELEMENT_BYTES) as [DType, ...DType[]];

/** A named tensor. `data` is row-major, little-endian, contiguous. */
export interface Tensor {
  name: string;
  dtype: DType;
  shape: number[];
  data: Uint8Array;
}

export function elementBytes(dtype: DType): number {
  return ELEMENT_BYTES[dtype];
}

export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** `[4, 16]` fits `[-1, 16]`. */
export function shapeFits(shape: readonly number[], declared: readonly number[]): boolean {
  return (
    shape.length === declared.length && shape.every((dim, i) => declared[i] === -1 || declared[i] === dim)
  );
}

/** The elements of a BYTES tensor, as views. Throws INVALID_INPUT when lengths and data disagree. */
export function bytesElements(tensor: Tensor): Uint8Array[] {
  const { data } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (at < data.length) {
    const end = at + 4 > data.length ? Infinity : at + 4 + view.getUint32(at, true);
    if (end > data.length)
      throw new AppError('INVALID_INPUT', `tensor ${tensor.name}: BYTES data is cut short`);
    elements.push(data.subarray(at + 4, end));
    at = end;
  }
  if (elements.length !== elementCount(tensor.shape)) {
    throw new AppError(
      'INVALID_INPUT',
      `tensor ${tensor.name}: ${elements.length} BYTES elements for shape [${tensor.shape.join(',')}]`,
    );
  }
  return elements;
}

/** A BYTES tensor of shape `[elements.length]`, or of `shape` when given. */
export function bytesTensor(name: string, elements: readonly Uint8Array[], shape?: number[]): Tensor {
  const data = new Uint8Array(elements.reduce((sum, e) => sum + 4 + e.length, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.length, true);
    data.set(element, at + 4);
    at += 4 + element.length;
  }
  return { name, dtype: 'BYTES', shape: shape ?? [elements.length], data };
}

interface HeaderEntry {
  n: string;
  t: DType;
  s: number[];
  l: number;
}

/**
 * Tensors as one byte string: u32 length of the header, JSON header, the data of each tensor.
 * This is how payloads and results lie in Redis: no numbers as text, no base64 of large ones.
 */
export function encodeTensors(tensors: readonly Tensor[]): Uint8Array {
  const entries: HeaderEntry[] = tensors.map((t) => ({
    n: t.name,
    t: t.dtype,
    s: t.shape,
    l: t.data.length,
  }));
  const header = JSON.stringify(entries);
  const headerBytes = Buffer.byteLength(header);
  const dataBytes = tensors.reduce((sum, t) => sum + t.data.length, 0);
  // From Node's pool: memory of its own for each request costs more than all the rest of this.
  const out = Buffer.allocUnsafe(4 + headerBytes + dataBytes);
  out.writeUInt32LE(headerBytes, 0);
  out.write(header, 4);
  let at = 4 + headerBytes;
  for (const tensor of tensors) {
    out.set(tensor.data, at);
    at += tensor.data.length;
  }
  return out;
}

/** The inverse of {@link encodeTensors}; data are views into `bytes`. */
export function decodeTensors(bytes: Uint8Array): Tensor[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerEnd = 4 + buffer.readUInt32LE(0);
  const entries = JSON.parse(buffer.toString('utf8', 4, headerEnd)) as HeaderEntry[];
  let at = headerEnd;
  return entries.map(({ n, t, s, l }) => {
    const data = bytes.subarray(at, at + l);
    at += l;
    return { name: n, dtype: t, shape: s, data };
  });
}
