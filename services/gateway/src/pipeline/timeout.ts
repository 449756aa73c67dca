import { AppError } from '@frontier/contracts/errors';
import type { QueuePolicies } from '@frontier/contracts/queue';
import { withTimeout } from '@frontier/kit/abort';
import type { InferenceCall } from './call.ts';

const DAY_MS = 24 * 3_600_000;

/** The queue ends every request at its deadline; only while it cannot be reached does a caller wait this much longer. */
const OVERDUE_MS = 2_000;

function overdue(): AppError {
  return new AppError('TIMEOUT', 'the deadline passed and the queue cannot be reached');
}

function stillRunning(): AppError {
  return new AppError(
    'TIMEOUT',
    'an earlier call with this key is still running; repeat it to get its answer',
  );
}

/**
 * The end of a request, or TIMEOUT. `repeats`: the request of an earlier call with the same key, whose deadline may be
 * another one.
 */
export function inTime<T>(end: Promise<T>, timeoutMs: number, repeats: boolean): Promise<T> {
  return repeats
    ? withTimeout(end, timeoutMs, stillRunning)
    : withTimeout(end, timeoutMs + OVERDUE_MS, overdue);
}

/**
 * Milliseconds that are left from now until the caller must have an answer: the priority's timeout (of a job: the
 * job timeout), or less if the caller said so. Throws TIMEOUT when nothing is left.
 */
export function timeoutOf(
  call: InferenceCall,
  policies: QueuePolicies,
  jobTimeoutMs: number,
  elapsedMs: number,
): number {
  const job = call.mode === 'job';
  const longest = job ? DAY_MS : policies[call.priority].timeoutMs;
  const normal = job ? jobTimeoutMs : longest;
  const left = Math.min(call.deadlineMs ?? normal, longest) - elapsedMs;
  if (left <= 0) throw new AppError('TIMEOUT', 'the deadline had passed when the request was complete');
  return Math.ceil(left);
}
