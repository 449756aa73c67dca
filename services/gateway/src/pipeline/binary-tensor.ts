import type { TensorSpec } from '@frontier/contracts/model-spec';
import {
  bytesElements,
  elementBytes,
  elementCount,
  shapeFits,
  type DType,
  type Tensor,
} from '@frontier/contracts/tensor';
import { invalid } from './invalid.ts';
import { wrongShape } from './json-tensor.ts';

/** Holds a tensor that came as bytes against the declared one. Throws INVALID_INPUT that names it and both sides. */
export function checkBinaryTensor(spec: TensorSpec, tensor: Tensor): void {
  const { dtype, shape, data } = tensor;
  if (dtype !== spec.dtype) {
    throw invalid(`tensor ${spec.name}: datatype ${dtype || '(none)'}, expected ${spec.dtype}`, {
      tensor: spec.name,
      datatype: dtype,
      expected_datatype: spec.dtype,
      shape,
      expected_shape: spec.shape,
    });
  }
  if (!shapeFits(shape, spec.shape) || shape.some((dim) => dim < 1)) throw wrongShape(spec, shape);
  if (dtype === 'BYTES') return void bytesElements(tensor);
  const expected = elementCount(shape) * elementBytes(dtype);
  if (data.length !== expected) {
    throw invalid(
      `tensor ${spec.name}: ${data.length} bytes of data, shape [${shape.join(',')}] needs ${expected}`,
      {
        tensor: spec.name,
        shape,
        bytes: data.length,
        expected_bytes: expected,
      },
    );
  }
  const at = firstNotFinite(dtype, data);
  if (at !== undefined) {
    throw invalid(`tensor ${spec.name}: element ${at} is not a finite number`, {
      tensor: spec.name,
      element: at,
    });
  }
}

/** Offset of the exponent in the element's high bytes, and the mask that is all ones for infinities and NaN. */
const EXPONENT: Partial<Record<DType, { high: number; mask: number }>> = {
  FP16: { high: 0, mask: 0x7c00 },
  FP32: { high: 2, mask: 0x7f80 },
  FP64: { high: 6, mask: 0x7ff0 },
};

function firstNotFinite(dtype: DType, data: Uint8Array): number | undefined {
  const exponent = EXPONENT[dtype];
  if (!exponent) return undefined;
  const { high, mask } = exponent;
  const step = elementBytes(dtype);
  for (let at = high; at < data.length; at += step) {
    const bits = (data[at] as number) | ((data[at + 1] as number) << 8);
    if ((bits & mask) === mask) return (at - high) / step;
  }
  return undefined;
}
