// A version of text-direction that really fails: its graph with nodes appended. In protobuf two messages one behind
// the other are one with the lists of both, so what is appended is one more GraphProto.
import { graph, node, tensor } from '../onnx-writer.mjs';

/** Of the original graph; of the same length as its replacement, so that no length changes. */
const OUTPUT = 'softmax_0.tmp_0';
const INNER = 'softmax_0.tmp_1';
/** Red, green, blue. */
const CHANNELS = 3;

/** The same answers, but for an image that is all white the graph reads behind the end of a tensor, which fails. */
export function failing(original) {
  const nodes = [
    ...meanOf('x'),
    // -1 to below 0.99 becomes 0 or 1; 1, which is white, becomes 2.
    node('Add', ['run.flat', 'run.shift'], ['run.shifted']),
    node('Floor', ['run.shifted'], ['run.floor']),
    toInt64('run.floor', 'run.index'),
    node('Gather', ['run.table', 'run.index'], ['run.read']),
    node('MatMul', ['run.read', 'run.none'], ['run.zero']),
  ];
  const initializers = [
    tensor('run.shift', [1], Float32Array.of(1.01)),
    tensor('run.table', [2], Float32Array.of(0, 0)),
  ];
  return withNodes(original, nodes, initializers);
}

/** The mean of each channel, [rows, channels], as `run.flat`. */
const meanOf = (name) => [
  node('GlobalAveragePool', [name], ['run.mean']),
  node('Flatten', ['run.mean'], ['run.flat']),
];

/** `run.zero`, [rows, 2], is added to the probabilities: nothing that leads to it can be left out. */
function withNodes(original, nodes, initializers) {
  const bytes = Buffer.from(original);
  const at = bytes.indexOf(OUTPUT);
  if (at < 0 || bytes.indexOf(INNER) >= 0) throw new Error('this is not the graph of text-direction');
  // The node's output; the graph's own comes behind all nodes.
  bytes.write(INNER, at);
  const more = graph({
    name: 'text-direction',
    nodes: [...nodes, node('Add', [INNER, 'run.zero'], [OUTPUT])],
    initializers: [...initializers, tensor('run.none', [CHANNELS, 2], new Float32Array(CHANNELS * 2))],
    inputs: [],
    outputs: [],
  });
  return Buffer.concat([bytes, field(7, more)]);
}

/** A Cast: its attribute `to` (AttributeProto: name 1, i 3, type 20) is INT64. */
function toInt64(from, to) {
  const attribute = Buffer.from([0x0a, 2, ...Buffer.from('to'), 0x18, 7, 0xa0, 0x01, 2]);
  return Buffer.concat([node('Cast', [from], [to]), field(5, attribute)]);
}

function field(number, value) {
  return Buffer.concat([varint((number << 3) | 2), varint(value.length), value]);
}

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
