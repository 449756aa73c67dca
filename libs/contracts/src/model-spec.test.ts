import { maxRequestRows, modelSpecSchema } from './model-spec.ts';

const base = {
  name: 'm',
  version: '1',
  task: 'test',
  platform: 'onnx',
  inputs: [{ name: 'x', dtype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'y', dtype: 'FP32', shape: [-1] }],
} as const;
const generation = { context: 8, slots: 1, layers: 1, heads: 1, headSize: 8, endOfText: '<end>' };

describe('the rows of a request', () => {
  it.each([
    ['as many as 64 executions take', { batching: { maxRows: 8 } }, 512],
    ['one of a model that takes one at a time', { batching: { maxRows: 1 } }, 1],
    ['as many as one execution takes, of an ensemble', { platform: 'ensemble', batching: { maxRows: 8 } }, 8],
    ['one of a generation', { generation, batching: { maxRows: 8 } }, 1],
  ])('are %s', (_, spec, rows) => {
    expect(maxRequestRows(modelSpecSchema.parse({ ...base, ...spec }))).toBe(rows);
  });
});
