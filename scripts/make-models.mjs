// Makes models/simple/1/model.onnx (kept in Git) and models/mlp/1/model.onnx (10 MB of seeded weights, made at
// set-up). The same bytes on every machine; a file that has them already is left alone.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FLOAT, INT32, graph, model, node, tensor, valueInfo } from './onnx-writer.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

write('models/simple/1/model.onnx', simple());
write('models/mlp/1/model.onnx', mlp([256, 1024, 1024, 1024, 10], 20261121));

function simple() {
  return model(
    graph({
      name: 'simple',
      nodes: [node('Add', ['INPUT0', 'INPUT1'], ['OUTPUT0']), node('Sub', ['INPUT0', 'INPUT1'], ['OUTPUT1'])],
      inputs: ['INPUT0', 'INPUT1'].map((name) => valueInfo(name, INT32, ['rows', 16])),
      outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => valueInfo(name, INT32, ['rows', 16])),
    }),
  );
}

/** Fully connected layers with ReLU between them; He-uniform weights, zero biases. */
function mlp(sizes, seed) {
  const random = mulberry32(seed);
  const nodes = [];
  const initializers = [];
  let from = 'x';
  for (let layer = 0; layer + 1 < sizes.length; layer += 1) {
    const [fanIn, fanOut] = [sizes[layer], sizes[layer + 1]];
    const last = layer + 2 === sizes.length;
    const limit = Math.sqrt(6 / fanIn);
    const weights = Float32Array.from({ length: fanIn * fanOut }, () => (2 * random() - 1) * limit);
    initializers.push(tensor(`w${layer}`, [fanIn, fanOut], weights));
    initializers.push(tensor(`b${layer}`, [fanOut], new Float32Array(fanOut)));
    const to = last ? 'y' : `z${layer}`;
    nodes.push(node('Gemm', [from, `w${layer}`, `b${layer}`], [to]));
    if (!last) nodes.push(node('Relu', [to], [`a${layer}`]));
    from = `a${layer}`;
  }
  const inputs = [valueInfo('x', FLOAT, ['rows', sizes[0]])];
  const outputs = [valueInfo('y', FLOAT, ['rows', sizes.at(-1)])];
  return model(graph({ name: 'mlp', nodes, initializers, inputs, outputs }));
}

/** Uniform numbers in [0, 1) from a 32-bit state. */
function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function write(path, bytes) {
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  writeFileSync(`${file}.part`, bytes);
  renameSync(`${file}.part`, file);
  console.log(`made ${path} (${bytes.length} bytes)`);
}
