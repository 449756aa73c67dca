// node docs/examples/my-model/make.mjs <version> <items> <wrong>: a table from item to one of three classes, whose first
// `wrong` items are all of class 0. Written to my-models/my-model/<version>.
import { mkdirSync, writeFileSync } from 'node:fs';
import { INT32, graph, int64s, model, node, valueInfo } from '../../../scripts/onnx-writer.mjs';

const [version, items, wrong] = process.argv.slice(2);
const INT64 = 7;
const table = Array.from({ length: Number(items) }, (_, item) => (item < Number(wrong) ? 0 : item % 3));
const folder = `my-models/my-model/${version}`;
mkdirSync(folder, { recursive: true });
writeFileSync(
  `${folder}/model.onnx`,
  model(
    graph({
      name: 'my-model',
      nodes: [node('Gather', ['table', 'item'], ['label'])],
      initializers: [int64s('table', table)],
      inputs: [valueInfo('item', INT32, ['rows', 1])],
      outputs: [valueInfo('label', INT64, ['rows', 1])],
    }),
  ),
);
writeFileSync(
  `${folder}/model.yaml`,
  `name: my-model
version: '${version}'
task: classification
platform: onnx
description: The class of an item.
licence: Apache-2.0
artifact: { file: model.onnx }
inputs:
  - { name: item, dtype: INT32, shape: [-1, 1] }
outputs:
  - { name: label, dtype: INT64, shape: [-1, 1] }
batching: { maxRows: 64 }
`,
);
writeFileSync(`${folder}/CARD.md`, '# my-model\n\nThe class of an item out of 100.\n');
