import { isUtf8 } from 'node:buffer';
import { AppError } from '@frontier/contracts/errors';
import { maxRequestRows, type ModelSpec, type TensorSpec } from '@frontier/contracts/model-spec';
import { bytesElements, bytesTensor, type Tensor } from '@frontier/contracts/tensor';
import { checkBinaryTensor } from './binary-tensor.ts';
import type { GivenInputs } from './call.ts';
import { imageSize } from './image-size.ts';
import { invalid, shown } from './invalid.ts';
import { tensorFromJson, tooLarge } from './json-tensor.ts';

/**
 * What a caller gave, as the tensors that the model declares, in its order. Names, dtypes, shapes, counts, sizes and
 * the headers of images are right afterwards. Throws INVALID_INPUT or PAYLOAD_TOO_LARGE that names the tensor.
 */
export function tensorsOf(spec: ModelSpec, given: GivenInputs): Tensor[] {
  const tensors = convert(spec, given);
  checkRows(spec, tensors);
  let bytes = 0;
  for (const tensor of tensors) {
    bytes += tensor.data.length;
    const declared = spec.inputs.find((input) => input.name === tensor.name) as TensorSpec;
    if (bytes > spec.limits.maxInputBytes) throw tooLarge(declared, bytes, spec.limits.maxInputBytes);
    if (declared.kind === 'image') checkImages(spec, tensor);
  }
  return tensors;
}

function convert(spec: ModelSpec, given: GivenInputs): Tensor[] {
  const { maxInputBytes } = spec.limits;
  switch (given.form) {
    case 'prompt':
      return [bytesTensor(promptInput(spec).name, [Buffer.from(given.text)])];
    case 'value':
      return [tensorFromJson(oneInput(spec), given.value, maxInputBytes)];
    case 'bytes':
      return [tensorFromBytes(oneInput(spec), given.bytes)];
    case 'named':
      return byName(spec, Object.entries(given.values), (declared, value) =>
        tensorFromJson(declared, value, maxInputBytes),
      );
    case 'tensors':
      return byName(
        spec,
        given.tensors.map((tensor) => [tensor.name, tensor]),
        (declared, tensor) => {
          checkBinaryTensor(declared, tensor);
          return tensor;
        },
      );
  }
}

/** Each declared input once, in the declared order. */
function byName<T>(
  spec: ModelSpec,
  given: Array<[string, T]>,
  make: (declared: TensorSpec, value: T) => Tensor,
): Tensor[] {
  const values = new Map<string, T>();
  for (const [name, value] of given) {
    if (!spec.inputs.some((input) => input.name === name)) throw unknownInput(spec, name);
    if (values.has(name)) throw invalid(`tensor ${name} is given twice`, { tensor: name });
    values.set(name, value);
  }
  const tensors: Tensor[] = [];
  for (const declared of spec.inputs) {
    const value = values.get(declared.name);
    if (value !== undefined) tensors.push(make(declared, value));
    else if (!declared.optional) {
      throw invalid(`tensor ${declared.name} is missing`, {
        tensor: declared.name,
        datatype: declared.dtype,
        expected_shape: declared.shape,
      });
    }
  }
  return tensors;
}

function unknownInput(spec: ModelSpec, name: string): AppError {
  const inputs = spec.inputs.map((input) => input.name);
  return invalid(`model ${spec.name} has no input ${shown(name)}, only ${inputs.join(', ')}`, {
    tensor: shown(name),
    inputs,
  });
}

function promptInput(spec: ModelSpec): TensorSpec {
  const input = oneInput(spec);
  if (input.kind !== 'text')
    throw invalid(`model ${spec.name} takes no prompt`, { field: 'prompt', kind: input.kind });
  return input;
}

function oneInput(spec: ModelSpec): TensorSpec {
  const needed = spec.inputs.filter((input) => !input.optional);
  const [input] = needed;
  if (!input || needed.length > 1) {
    const inputs = needed.map(({ name }) => name);
    throw invalid(`model ${spec.name} has ${needed.length} inputs (${inputs.join(', ')}): give them by name in \`inputs\``, { inputs }); // prettier-ignore
  }
  return input;
}

function tensorFromBytes(declared: TensorSpec, bytes: Uint8Array): Tensor {
  if (declared.dtype !== 'BYTES') {
    throw invalid(`tensor ${declared.name} is ${declared.dtype}: bytes alone have no shape`, {
      tensor: declared.name,
      datatype: declared.dtype,
    });
  }
  if (declared.kind === 'text' && !isUtf8(bytes)) throw invalid(`tensor ${declared.name}: not UTF-8`);
  return bytesTensor(declared.name, [bytes]);
}

function checkRows(spec: ModelSpec, tensors: readonly Tensor[]): void {
  const maxRows = maxRequestRows(spec);
  const rows = tensors[0]?.shape[0] ?? 0;
  const other = tensors.find((tensor) => tensor.shape[0] !== rows);
  if (other) {
    throw invalid(
      `tensors ${tensors[0]?.name} and ${other.name} differ in their rows: ${rows} and ${other.shape[0]}`,
      {
        tensors: Object.fromEntries(tensors.map(({ name, shape }) => [name, shape])),
      },
    );
  }
  if (rows < 1 || rows > maxRows) {
    throw invalid(`${rows} rows: model ${spec.name} takes 1 to ${maxRows} in one request`, {
      rows,
      max_rows: maxRows,
    });
  }
}

/** Before any pixel is decoded, so that a small file cannot claim gigabytes. */
function checkImages(spec: ModelSpec, tensor: Tensor): void {
  const { maxPixels } = spec.limits;
  for (const bytes of bytesElements(tensor)) {
    const size = imageSize(bytes);
    if (!size) throw invalid(`tensor ${tensor.name}: not a PNG or JPEG image`, { tensor: tensor.name });
    const { width, height } = size;
    if (width * height > maxPixels) {
      throw new AppError('PAYLOAD_TOO_LARGE', `tensor ${tensor.name}: an image of ${width} x ${height}, at most ${maxPixels} pixels`, { details: { tensor: tensor.name, width, height, max_pixels: maxPixels } }); // prettier-ignore
    }
  }
}
