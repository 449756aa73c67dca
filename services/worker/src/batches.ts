import { AppError, type ErrorCode, type WireError } from '@frontier/contracts/errors';
import { DTYPES, type DType, type Tensor } from '@frontier/contracts/tensor';
import type { BatchJob } from '@frontier/model-runtime/batch-model';
import { nowUs, type BatchOutcome } from '@frontier/model-runtime/protocol';
import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import type { BatchResult } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import type { Error as ErrorMessage } from '@frontier/rpc/gen/dispatch/v1/Error';
import type { PackedTensor__Output } from '@frontier/rpc/gen/dispatch/v1/PackedTensor';

/** Batch ↔ job: a batch speaks of items, which have rows; a model knows rows only. */

/** Throws INVALID_INPUT for a data type that does not exist. */
export function jobOf(batch: Batch__Output): BatchJob {
  const rows = batch.items.reduce((sum, item) => sum + item.rows, 0);
  return { rows, tensors: batch.inputs.map(tensorOf), receivedUs: nowUs() };
}

function tensorOf({ name, datatype, shape, data }: PackedTensor__Output): Tensor {
  if (!isDType(datatype)) throw new AppError('INVALID_INPUT', `tensor ${name}: no data type ${datatype}`);
  return { name, dtype: datatype, shape, data };
}

function isDType(value: string): value is DType {
  return (DTYPES as string[]).includes(value);
}

export function resultOf(batch: Batch__Output, outcome: BatchOutcome): BatchResult {
  const rowErrors = new Map(outcome.rowErrors);
  const item_errors: NonNullable<BatchResult['item_errors']> = [];
  const output_rows: number[] = [];
  let row = 0;
  batch.items.forEach((item, index) => {
    const rows = Array.from({ length: item.rows }, (_, i) => row + i);
    row += item.rows;
    const failed = rows.find((r) => rowErrors.has(r));
    if (failed !== undefined)
      item_errors.push({ index, error: errorMessage(rowErrors.get(failed) as WireError) });
    if (outcome.outputRows)
      output_rows.push(rows.reduce((sum, r) => sum + (outcome.outputRows?.[r] ?? 0), 0));
  });
  return {
    batch_id: batch.id,
    outputs: outcome.tensors.map(({ name, dtype, shape, data }) => ({ name, datatype: dtype, shape, data })),
    item_errors,
    output_rows,
    compute_us: outcome.computeUs,
    wait_us: outcome.waitUs,
  };
}

/** What may go away by itself: the model was lost, its upstream is busy. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'OVERLOADED',
  'RATE_LIMITED',
  'UPSTREAM_ERROR',
]);

export function errorMessage({ code, message }: WireError): ErrorMessage {
  return { code, message, transient: TRANSIENT.has(code) };
}
