import { elementBytes, type DType, type Tensor } from '@frontier/contracts/tensor';

/** A row of so many numbers is watched number by number; a longer one by its mean and spread. */
const FEW = 16;
/** Numbers of a tensor that are looked at: evenly spread over it. */
const LOOKED_AT = 1024;

/**
 * One call as a few numbers, the features that drift is looked for in. `in.` and `out.`, then the tensor's name:
 * of bytes (texts, images, JSON) their mean length `.bytes`; of few numbers each of the first row, `[i]`; of many
 * `.mean` and `.deviation`. An output of several numbers also has `.argmax`, the class if it is one.
 */
export function summarise(inputs: readonly Tensor[], outputs: readonly Tensor[]): Record<string, number> {
  const features: Record<string, number> = {};
  for (const tensor of inputs) describe(features, `in.${tensor.name}`, tensor, false);
  for (const tensor of outputs) describe(features, `out.${tensor.name}`, tensor, true);
  return features;
}

function describe(features: Record<string, number>, name: string, tensor: Tensor, output: boolean): void {
  const bytes = elementBytes(tensor.dtype);
  const rows = tensor.shape[0] ?? 1;
  if (bytes === 0) {
    const elements = tensor.shape.reduce((count, dim) => count * dim, 1);
    // Each element has its length in front of it, in 4 bytes.
    if (elements > 0) features[`${name}.bytes`] = tensor.data.length / elements - 4;
    return;
  }
  const elements = Math.floor(tensor.data.length / bytes);
  const width = rows > 0 ? Math.floor(elements / rows) : 0;
  if (width === 0) return;
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const at = (i: number) => readNumber(view, tensor.dtype, i * bytes);
  if (width > FEW) return moments(features, name, at, elements);
  for (let i = 0; i < width; i += 1) features[width === 1 ? name : `${name}[${i}]`] = at(i);
  if (output && width > 1) features[`${name}.argmax`] = argmax(at, width);
}

function moments(
  features: Record<string, number>,
  name: string,
  at: (i: number) => number,
  elements: number,
): void {
  // prettier-ignore
  const step = Math.max(Math.floor(elements / LOOKED_AT), 1);
  let n = 0;
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < elements; i += step) {
    const value = at(i);
    n += 1;
    const before = value - mean;
    mean += before / n;
    squares += before * (value - mean);
  }
  features[`${name}.mean`] = mean;
  features[`${name}.deviation`] = Math.sqrt(squares / n);
}

function argmax(at: (i: number) => number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i += 1) if (at(i) > at(best)) best = i;
  return best;
}

function readNumber(view: DataView, dtype: DType, at: number): number {
  switch (dtype) {
    case 'BOOL':
    case 'UINT8':
    case 'BYTES':
      return view.getUint8(at);
    case 'INT8':
      return view.getInt8(at);
    case 'INT16':
      return view.getInt16(at, true);
    case 'UINT16':
      return view.getUint16(at, true);
    case 'INT32':
      return view.getInt32(at, true);
    case 'UINT32':
      return view.getUint32(at, true);
    case 'INT64':
      return Number(view.getBigInt64(at, true));
    case 'UINT64':
      return Number(view.getBigUint64(at, true));
    case 'FP16':
      return halfFloat(view.getUint16(at, true));
    case 'FP32':
      return view.getFloat32(at, true);
    case 'FP64':
      return view.getFloat64(at, true);
  }
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const sign = bits >>> 15 === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
