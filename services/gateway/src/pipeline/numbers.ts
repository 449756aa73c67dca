import { elementBytes, type Tensor } from '@frontier/contracts/tensor';

type Numbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float16Array
  | Float32Array
  | Float64Array;

/** The elements of a tensor of numbers. A view where the bytes lie aligned, else of an aligned copy. */
export function numbersOf({ dtype, data }: Pick<Tensor, 'dtype' | 'data'>): Numbers {
  const aligned = data.byteOffset % (elementBytes(dtype) || 1) === 0;
  const { buffer, byteOffset, length } = aligned ? data : Buffer.from(data);
  const count = length / (elementBytes(dtype) || 1);
  switch (dtype) {
    case 'INT8':
      return new Int8Array(buffer, byteOffset, count);
    case 'BOOL':
    case 'UINT8':
    case 'BYTES':
      return new Uint8Array(buffer, byteOffset, count);
    case 'INT16':
      return new Int16Array(buffer, byteOffset, count);
    case 'UINT16':
      return new Uint16Array(buffer, byteOffset, count);
    case 'INT32':
      return new Int32Array(buffer, byteOffset, count);
    case 'UINT32':
      return new Uint32Array(buffer, byteOffset, count);
    case 'INT64':
      return new BigInt64Array(buffer, byteOffset, count);
    case 'UINT64':
      return new BigUint64Array(buffer, byteOffset, count);
    case 'FP16':
      return new Float16Array(buffer, byteOffset, count);
    case 'FP32':
      return new Float32Array(buffer, byteOffset, count);
    case 'FP64':
      return new Float64Array(buffer, byteOffset, count);
  }
}
