// As much of ONNX's protobuf (onnx.proto3) as our generated models need, written by hand: no dependency at set-up.

export const FLOAT = 1;
export const INT32 = 6;
const INT64 = 7;

const IR_VERSION = 8;
const OPSET = 13;

/** Field numbers of ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8 {version 2}. */
export function model(graphBytes) {
  return Buffer.concat([
    int(1, IR_VERSION),
    text(2, 'frontier'),
    bytes(7, graphBytes),
    bytes(8, int(2, OPSET)),
  ]);
}

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
export function graph({ name, nodes, initializers = [], inputs, outputs }) {
  return Buffer.concat([
    ...nodes.map((n) => bytes(1, n)),
    text(2, name),
    ...initializers.map((t) => bytes(5, t)),
    ...inputs.map((v) => bytes(11, v)),
    ...outputs.map((v) => bytes(12, v)),
  ]);
}

/** NodeProto without attributes: input 1, output 2, op_type 4. */
export function node(opType, inputs, outputs) {
  return Buffer.concat([
    ...inputs.map((i) => text(1, i)),
    ...outputs.map((o) => text(2, o)),
    text(4, opType),
  ]);
}

/** TensorProto of FLOAT: dims 1, data_type 2, name 8, raw_data 9. */
export function tensor(name, dims, values) {
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([...dims.map((d) => int(1, d)), int(2, FLOAT), text(8, name), bytes(9, raw)]);
}

/** TensorProto of INT64 with one dimension: the shape of another. */
export function int64s(name, values) {
  const raw = Buffer.from(BigInt64Array.from(values, BigInt).buffer);
  return Buffer.concat([int(1, values.length), int(2, INT64), text(8, name), bytes(9, raw)]);
}

/** ValueInfoProto: name 1, type 2 {tensor_type 1 {elem_type 1, shape 2 {dim 1 {dim_value 1 | dim_param 2}}}}. */
export function valueInfo(name, elementType, shape) {
  const dims = shape.map((d) => bytes(1, typeof d === 'number' ? int(1, d) : text(2, d)));
  const tensorType = Buffer.concat([int(1, elementType), bytes(2, Buffer.concat(dims))]);
  return Buffer.concat([text(1, name), bytes(2, bytes(1, tensorType))]);
}

function int(field, value) {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function text(field, value) {
  return bytes(field, Buffer.from(value));
}

function bytes(field, value) {
  return Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
}

function varint(value) {
  const out = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...out, rest]);
    out.push((rest % 128) | 128);
  }
}
