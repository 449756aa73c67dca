import type { Tensor } from '@frontier/contracts/tensor';
import type { ProcessingBatch } from './types.ts';

/** Takes a tensor out of the batch. The requests are validated by now: a missing one is a fault of `model.yaml`. */
export function take(batch: ProcessingBatch, name: string): Tensor {
  const tensor = batch.tensors.get(name);
  if (!tensor)
    throw new Error(`a step wants the tensor ${name}, which neither a request nor a step before it gives`);
  batch.tensors.delete(name);
  return tensor;
}

export function put(batch: ProcessingBatch, tensor: Tensor): void {
  batch.tensors.set(tensor.name, tensor);
}

/** The numbers of an FP32 tensor: a view, or a copy where its bytes do not lie aligned. */
export function floatsOf({ data }: Tensor): Float32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

export function floatTensor(name: string, shape: number[], values: Float32Array): Tensor {
  return { name, dtype: 'FP32', shape, data: bytesOf(values) };
}

export function intTensor(name: string, shape: number[], values: Int32Array): Tensor {
  return { name, dtype: 'INT32', shape, data: bytesOf(values) };
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
