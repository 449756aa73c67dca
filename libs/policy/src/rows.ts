import { elementBytes, elementCount, type Tensor } from '@frontier/contracts/tensor';

/** Tensors by row: how requests are packed into a batch, and answers taken out of it. */

/** Puts tensors of one name, type and trailing shape behind each other, row by row. */
export function concatRows(parts: readonly Tensor[]): Tensor {
  const first = parts[0];
  if (!first) throw new Error('nothing to concatenate');
  if (parts.length === 1) return first;
  const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { name: first.name, dtype: first.dtype, shape: [rows, ...first.shape.slice(1)], data };
}

/**
 * Cuts a tensor into consecutive pieces of the given numbers of rows; data are views.
 * Throws when the tensor has another number of rows or its data do not fill its shape.
 */
export function splitRows(tensor: Tensor, rows: readonly number[]): Tensor[] {
  const total = rows.reduce((sum, n) => sum + n, 0);
  if (total !== tensor.shape[0]) {
    throw new Error(`tensor ${tensor.name} has ${tensor.shape[0]} rows, ${total} were expected`);
  }
  const rest = tensor.shape.slice(1);
  const ends = elementBytes(tensor.dtype) === 0 ? rowEnds(tensor, elementCount(rest)) : undefined;
  const rowBytes = elementBytes(tensor.dtype) * elementCount(rest);
  const endOf = (row: number) => (row === 0 ? 0 : ends ? (ends[row - 1] as number) : row * rowBytes);
  if (endOf(total) !== tensor.data.length) {
    throw new Error(
      `tensor ${tensor.name}: ${tensor.data.length} bytes do not fill shape [${tensor.shape.join(',')}]`,
    );
  }
  let row = 0;
  return rows.map((n) => {
    const data = tensor.data.subarray(endOf(row), endOf(row + n));
    row += n;
    return { name: tensor.name, dtype: tensor.dtype, shape: [n, ...rest], data };
  });
}

/** Where each row of a BYTES tensor ends. */
function rowEnds(tensor: Tensor, elementsPerRow: number): number[] {
  const { data } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const ends: number[] = [];
  let at = 0;
  for (let row = 0; row < (tensor.shape[0] ?? 0); row += 1) {
    for (let i = 0; i < elementsPerRow; i += 1) {
      if (at + 4 > data.length) throw new Error(`tensor ${tensor.name}: BYTES data is cut short`);
      at += 4 + view.getUint32(at, true);
    }
    ends.push(at);
  }
  return ends;
}

/** What must be equal for tensors to share a batch. */
export function batchKey(inputs: readonly Tensor[]): string {
  let key = '';
  for (const { name, dtype, shape } of inputs) key += `${name}:${dtype}:${shape.slice(1).join('x')};`;
  return key;
}
