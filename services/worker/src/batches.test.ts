import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import { jobOf, resultOf } from './batches.ts';

const batch: Batch__Output = {
  id: 'b',
  model: 'm',
  version: '1',
  items: [1, 3, 2].map((rows, i) => ({ id: `i${i}`, epoch: 0, rows })),
  inputs: [{ name: 'x', datatype: 'UINT8', shape: [6, 2], data: Buffer.alloc(12) }],
  traceparent: '',
  timeout_ms: 1000,
};

const tensor = { name: 'y', dtype: 'UINT8' as const, shape: [6], data: new Uint8Array(6) };
const outcome = { tensors: [tensor], rowErrors: [], computeUs: 5, waitUs: 2 };

test('a job has the rows of all items', () => {
  expect(jobOf(batch)).toMatchObject({ rows: 6, tensors: [{ name: 'x', dtype: 'UINT8', shape: [6, 2] }] });
});

test('an item fails when one of its rows does, and only that item', () => {
  const reason = { code: 'INVALID_INPUT' as const, message: 'no image' };
  const result = resultOf(batch, { ...outcome, rowErrors: [[2, reason]] });
  expect(result.item_errors).toEqual([{ index: 1, error: { ...reason, transient: false } }]);
  expect(resultOf(batch, { ...outcome, rowErrors: [[0, reason], [5, reason]] }).item_errors).toMatchObject([
    { index: 0 }, { index: 2 },
  ]); // prettier-ignore
});

test('rows of output are counted by item where a step has changed them', () => {
  expect(resultOf(batch, outcome).output_rows).toEqual([]);
  expect(resultOf(batch, { ...outcome, outputRows: [4, 0, 1, 2, 7, 0] }).output_rows).toEqual([4, 3, 7]);
});
