import { randomUUID } from 'node:crypto';
import { isErrorCode } from '@frontier/contracts/errors';
import type { DType, Tensor } from '@frontier/contracts/tensor';
import { concatRows, splitRows } from '@frontier/policy/rows';
import type { BatchResult__Output } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import type { Error__Output } from '@frontier/rpc/gen/dispatch/v1/Error';
import type { Batch } from '@frontier/rpc/gen/dispatch/v1/Batch';
import type { Failure, WorkItem, WorkResult } from './work.ts';

/** A batch that a worker has. */
export interface SentBatch {
  id: string;
  key: string;
  items: WorkItem[];
  /** Monotonic ms. */
  sentAt: number;
  /** When the last of its items is overdue, on the same clock. */
  deadline: number;
}

/** Packs items of one key into the message of a batch: every input's rows lie behind each other. */
export function packBatch(model: { name: string; version: string }, items: WorkItem[], traceparent: string) {
  const deadline = Math.max(...items.map((item) => item.source.deadline));
  const sent: SentBatch = {
    id: randomUUID(),
    key: `${model.name}@${model.version}`,
    items,
    sentAt: performance.now(),
    deadline,
  };
  const names = items[0]?.inputs ?? [];
  const message: Batch = {
    id: sent.id,
    model: model.name,
    version: model.version,
    items: items.map(({ source, rows }) => ({ id: source.id, epoch: source.epoch, rows })),
    inputs: names.map((_, i) => {
      const { name, dtype, shape, data } = concatRows(items.map((item) => item.inputs[i] as Tensor));
      return { name, datatype: dtype, shape, data: asBuffer(data) };
    }),
    traceparent,
    timeout_ms: Math.max(Math.ceil(deadline - performance.now()), 1),
  };
  return { sent, message };
}

/** What a worker made of a batch: an end for each item, or a failure of the whole that says nothing about any one of them. */
export type Unpacked = { items: WorkResult[] } | { whole: Failure; rubbish?: true };

/** Gives every item of a batch its own rows or its own error. */
export function unpackResult({ items, sentAt }: SentBatch, result: BatchResult__Output): Unpacked {
  if (result.error) return { whole: failureOf(result.error) };
  const errors = new Map(result.item_errors.map(({ index, error }) => [index, error]));
  const rows = result.output_rows.length > 0 ? result.output_rows : items.map((item) => item.rows);
  if (rows.length !== items.length) return rubbish(`${rows.length} parts for ${items.length} items`);
  try {
    const outputs = result.outputs.map((packed) => splitRows(tensorOf(packed), rows));
    const compute = result.compute_us / 1000;
    const transport = Math.max(performance.now() - sentAt - compute - result.wait_us / 1000, 0);
    return {
      items: items.map((item, i) => {
        const error = errors.get(i);
        if (error) return failureOf(error);
        const forming = sentAt - item.at + result.wait_us / 1000;
        const own = outputs.map((parts) => parts[i] as Tensor);
        return { ok: true, outputs: own, timing: { queue: 0, forming, transport, compute } };
      }),
    };
  } catch (error) {
    return rubbish((error as Error).message);
  }
}

function failureOf(error: Error__Output): Failure {
  const code = isErrorCode(error.code) ? error.code : 'INTERNAL_ERROR';
  return {
    ok: false,
    error: { code, message: error.message },
    kind: error.transient ? 'transient' : 'permanent',
  };
}

/** Another worker may do better. */
function rubbish(why: string): Unpacked {
  const message = `the worker's answer does not fit: ${why}`;
  return {
    whole: { ok: false, error: { code: 'INTERNAL_ERROR', message }, kind: 'transient' },
    rubbish: true,
  };
}

function tensorOf(packed: BatchResult__Output['outputs'][number]): Tensor {
  return { name: packed.name, dtype: packed.datatype as DType, shape: packed.shape, data: packed.data };
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
