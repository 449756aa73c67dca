import { bytesElements, elementCount, type Tensor } from '@frontier/contracts/tensor';

/** Each row of a tensor as a JSON value: a number or text, or arrays of them nested as the shape says. */
export function rowValues(tensor: Tensor): unknown[] {
  const flat = flatValues(tensor);
  const [rows = 0, ...rest] = tensor.shape;
  const perRow = elementCount(rest);
  return Array.from({ length: rows }, (_, row) => nest(flat.slice(row * perRow, (row + 1) * perRow), rest));
}

function nest(flat: unknown[], shape: number[]): unknown {
  const [dim, ...rest] = shape;
  if (dim === undefined) return flat[0];
  const size = elementCount(rest);
  return Array.from({ length: dim }, (_, i) => nest(flat.slice(i * size, (i + 1) * size), rest));
}

function flatValues(tensor: Tensor): unknown[] {
  // A copy: typed arrays need an offset that is a multiple of their element's size. Not `slice`: data that came
  // over gRPC is a Buffer, whose `slice` shares its memory.
  const { buffer } = new Uint8Array(tensor.data);
  switch (tensor.dtype) {
    case 'BYTES':
      return bytesElements(tensor).map((bytes) => new TextDecoder().decode(bytes));
    case 'FP32':
      return Array.from(new Float32Array(buffer), round);
    case 'FP64':
      return Array.from(new Float64Array(buffer));
    case 'INT32':
      return Array.from(new Int32Array(buffer));
    case 'INT64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'UINT8':
      return Array.from(new Uint8Array(buffer));
    case 'BOOL':
      return Array.from(new Uint8Array(buffer), (value) => value !== 0);
    default:
      throw new Error(`an ensemble cannot show ${tensor.dtype} as JSON`);
  }
}

/** Seven digits are what a float holds; the rest is noise of its conversion. */
function round(value: number): number {
  return Number(value.toPrecision(7));
}
