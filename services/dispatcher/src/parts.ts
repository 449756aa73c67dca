import type { Timing } from '@frontier/contracts/request';
import type { Tensor } from '@frontier/contracts/tensor';
import { concatRows, splitRows } from '@frontier/policy/rows';
import type { WorkResult } from './work.ts';

/** Runs a request that is larger than a batch in parts of so many rows; the first failure is that of the whole. */
export async function runInParts(
  inputs: readonly Tensor[],
  rows: readonly number[],
  run: (part: Tensor[]) => Promise<WorkResult>,
): Promise<WorkResult> {
  const columns = inputs.map((tensor) => splitRows(tensor, rows));
  const results = await Promise.all(rows.map((_, i) => run(columns.map((column) => column[i] as Tensor))));
  const parts: Tensor[][] = [];
  // The parts run side by side: the slowest one is what the caller waited for.
  const timing: Timing = { queue: 0, forming: 0, transport: 0, compute: 0 };
  for (const result of results) {
    if (!result.ok) return result;
    parts.push(result.outputs);
    for (const stage of ['forming', 'transport', 'compute'] as const) {
      timing[stage] = Math.max(timing[stage], result.timing[stage]);
    }
  }
  const outputs = (parts[0] ?? []).map((_, i) => concatRows(parts.map((part) => part[i] as Tensor)));
  return { ok: true, outputs, timing };
}
