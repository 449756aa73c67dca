import { AppError } from '@frontier/contracts/errors';
import {
  bytesElements,
  bytesTensor,
  elementBytes,
  elementCount,
  type DType,
  type Tensor,
} from '@frontier/contracts/tensor';
import { Tensor as OrtTensor } from 'onnxruntime-node';

type TypedArray = Exclude<OrtTensor['data'], string[]>;
type TypedArrayClass = new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;

interface NativeType {
  ort: OrtTensor.Type;
  array: TypedArrayClass;
}

const NATIVE: Record<Exclude<DType, 'BYTES'>, NativeType> = {
  BOOL: { ort: 'bool', array: Uint8Array },
  INT8: { ort: 'int8', array: Int8Array },
  UINT8: { ort: 'uint8', array: Uint8Array },
  INT16: { ort: 'int16', array: Int16Array },
  UINT16: { ort: 'uint16', array: Uint16Array },
  INT32: { ort: 'int32', array: Int32Array },
  UINT32: { ort: 'uint32', array: Uint32Array },
  INT64: { ort: 'int64', array: BigInt64Array },
  UINT64: { ort: 'uint64', array: BigUint64Array },
  // Raw bits: nothing here computes with them.
  FP16: { ort: 'float16', array: Uint16Array },
  FP32: { ort: 'float32', array: Float32Array },
  FP64: { ort: 'float64', array: Float64Array },
};

const DTYPE_OF = new Map<string, DType>(
  Object.entries(NATIVE).map(([dtype, native]) => [native.ort, dtype as DType]),
);

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A view of the same memory where its bytes lie aligned, else one copy. BYTES become strings. */
export function toOrt(tensor: Tensor): OrtTensor {
  if (tensor.dtype === 'BYTES') {
    return new OrtTensor('string', bytesElements(tensor).map((e) => decoder.decode(e)), tensor.shape); // prettier-ignore
  }
  const { ort, array } = NATIVE[tensor.dtype];
  const size = elementBytes(tensor.dtype);
  const data = tensor.data.byteOffset % size === 0 ? tensor.data : tensor.data.slice();
  const values = new array(data.buffer, data.byteOffset, data.byteLength / size);
  return new OrtTensor(ort, values as OrtTensor.DataTypeMap[typeof ort], tensor.shape);
}

/** A view of the same memory; strings become BYTES. */
export function fromOrt(name: string, value: OrtTensor): Tensor {
  const shape = [...value.dims];
  if (value.type === 'string') {
    return bytesTensor(name, (value.data as string[]).map((text) => encoder.encode(text)), shape); // prettier-ignore
  }
  const dtype = DTYPE_OF.get(value.type);
  if (!dtype) throw new AppError('INTERNAL_ERROR', `output ${name} has the unsupported type ${value.type}`);
  const { buffer, byteOffset, byteLength } = value.data as TypedArray;
  return { name, dtype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** All zeros, or empty strings. */
export function ortZeros(type: OrtTensor.Type, shape: number[]): OrtTensor {
  const count = elementCount(shape);
  if (type === 'string') return new OrtTensor('string', new Array<string>(count).fill(''), shape);
  const dtype = DTYPE_OF.get(type);
  if (!dtype) throw new Error(`tensors of type ${type} are not supported`);
  return toOrt({ name: '', dtype, shape, data: new Uint8Array(count * elementBytes(dtype)) });
}

/** Copies into memory of their own: aligned, and free to be moved to another thread. */
export function copyTensors(tensors: readonly Tensor[]): Tensor[] {
  return tensors.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) }));
}

/** What `postMessage` may move instead of copying; each buffer once. */
export function buffersOf(tensors: readonly Tensor[]): ArrayBuffer[] {
  return [...new Set(tensors.map((tensor) => tensor.data.buffer))].filter(
    (buffer) => buffer instanceof ArrayBuffer,
  );
}
