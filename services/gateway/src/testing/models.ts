import { modelSpecSchema } from '@frontier/contracts/model-spec';
import { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import type { z } from 'zod';

function model(spec: z.input<typeof modelSpecSchema>): StoredModel {
  return { spec: modelSpecSchema.parse(spec), dir: '/nowhere' };
}

/** Models of every kind of input and output; none of them can run. */
const testModels: StoredModel[] = [
  model({
    name: 'simple',
    version: '1',
    task: 'arithmetic',
    platform: 'onnx',
    inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, dtype: 'INT32', shape: [-1, 16] })),
    outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({ name, dtype: 'INT32', shape: [-1, 16] })),
    batching: { maxRows: 4 },
  }),
  model({
    name: 'floats',
    version: '1',
    task: 'test',
    platform: 'onnx',
    inputs: [{ name: 'x', dtype: 'FP32', shape: [-1, 2, 2] }],
    outputs: [{ name: 'y', dtype: 'FP32', shape: [-1, 2] }],
    limits: { maxInputBytes: 64 },
  }),
  model({
    name: 'ocr',
    version: '1',
    task: 'ocr',
    platform: 'ensemble',
    inputs: [{ name: 'image', dtype: 'BYTES', shape: [-1], kind: 'image' }],
    outputs: [{ name: 'lines', dtype: 'BYTES', shape: [-1], kind: 'json' }],
    limits: { maxPixels: 10_000 },
  }),
  ...['1', '2'].map((version) =>
    model({
      name: 'poet',
      version,
      task: 'text-generation',
      platform: 'onnx',
      inputs: [{ name: 'prompt', dtype: 'BYTES', shape: [-1], kind: 'text' }],
      outputs: [{ name: 'text', dtype: 'BYTES', shape: [-1], kind: 'text' }],
      generation: {
        context: 16,
        slots: 2,
        layers: 1,
        heads: 1,
        headSize: 8,
        endOfText: '<end>',
        defaultMaxNewTokens: 8,
      },
    }),
  ),
  model({
    name: 'gpu-only',
    version: '1',
    task: 'test',
    platform: 'onnx',
    inputs: [{ name: 'x', dtype: 'FP32', shape: [-1] }],
    outputs: [{ name: 'y', dtype: 'FP32', shape: [-1] }],
    pools: ['gpu'],
  }),
];

export const testCatalogue = new Catalogue(testModels);
