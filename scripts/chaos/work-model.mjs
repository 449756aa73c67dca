// A model of known cost, made at run time: a chain of matrix products on weights that the graph makes for itself, so
// its file is tiny. Its rows cost the same however many come together, nearly: batching does not hide an overload.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLOAT, graph, int64s, model, node, valueInfo } from '../onnx-writer.mjs';

export const WORK_MODEL = 'work';
const WIDTH = 16;
const INNER = 1024;

const card = (maxRows) => `name: ${WORK_MODEL}
version: '1'
task: benchmark
platform: onnx
description: A chain of matrix products, made for one experiment.
licence: Apache-2.0
artifact: { file: model.onnx }
inputs:
  - { name: x, dtype: FP32, shape: [-1, ${WIDTH}] }
outputs:
  - { name: y, dtype: FP32, shape: [-1, ${WIDTH}] }
batching: { maxRows: ${maxRows} }
`;

/** Writes it into a folder of models. `products`: matrix products of 1024 x 1024 a row. */
export function makeWorkModel(folder, { products, maxRows }) {
  const version = join(folder, WORK_MODEL, '1');
  mkdirSync(version, { recursive: true });
  writeFileSync(join(version, 'model.yaml'), card(maxRows));
  writeFileSync(join(version, 'model.onnx'), chain(products));
}

function chain(products) {
  const shapes = { in: [WIDTH, INNER], inner: [INNER, INNER], out: [INNER, WIDTH] };
  const nodes = Object.keys(shapes).map((name) => node('ConstantOfShape', [`shape_${name}`], [`w_${name}`]));
  const names = ['in', ...Array.from({ length: products }, () => 'inner'), 'out'];
  names.forEach((name, i) => {
    nodes.push(
      node('MatMul', [i === 0 ? 'x' : `z${i - 1}`, `w_${name}`], [i === names.length - 1 ? 'y' : `z${i}`]),
    );
  });
  const initializers = Object.entries(shapes).map(([name, shape]) => int64s(`shape_${name}`, shape));
  const inputs = [valueInfo('x', FLOAT, ['rows', WIDTH])];
  const outputs = [valueInfo('y', FLOAT, ['rows', WIDTH])];
  return model(graph({ name: WORK_MODEL, nodes, initializers, inputs, outputs }));
}
