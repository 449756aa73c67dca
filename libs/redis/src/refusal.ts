import { AppError, type ErrorCode } from '@frontier/contracts/errors';
import type { Priority, Shard } from '@frontier/contracts/queue';

/** Why admission refuses a request. `memory` and `redis`: it was not asked, or could not be. */
export type RefusalReason =
  'full' | 'bytes' | 'large' | 'tenant' | 'kept' | 'deadline' | 'wait' | 'unserved' | 'memory' | 'redis';

/** Who refuses, whom, and what is known of when there will be room. */
export interface RefusalFacts {
  shard: Shard;
  retryAfterS: number;
  details?: Record<string, unknown> | undefined;
  cause?: unknown;
}

const SAYS: Record<RefusalReason, [code: ErrorCode, says: (priority: Priority) => string]> = {
  full: ['OVERLOADED', (priority) => `the ${priority} queue is full; try again after Retry-After`],
  bytes: ['OVERLOADED', (priority) => `the ${priority} queue holds as many bytes as it may; try again after Retry-After, smaller requests get in sooner`], // prettier-ignore
  large: ['OVERLOADED', (priority) => `the ${priority} queue is loaded and takes no large requests now; send smaller ones, or try again after Retry-After`], // prettier-ignore
  tenant: ['OVERLOADED', () => 'you have more than your share outstanding while others wait; wait for some of your answers'], // prettier-ignore
  kept: ['OVERLOADED', () => 'the results of your jobs and keyed calls of the last day fill their share; call without a key, or wait'], // prettier-ignore
  deadline: ['OVERLOADED', () => 'there would be no answer before your deadline; give it more time, or try again after Retry-After'], // prettier-ignore
  wait: ['OVERLOADED', (priority) => `the wait in the ${priority} queue is over its limit; try again after Retry-After`], // prettier-ignore
  unserved: ['UNAVAILABLE', () => 'no worker serves this model, and as many requests as may wait for one do; try again after Retry-After'], // prettier-ignore
  memory: ['UNAVAILABLE', () => 'the queue is short of memory; try again after Retry-After'],
  redis: ['UNAVAILABLE', () => 'the queue cannot take requests now; try again with the same key'],
};

/** OVERLOADED where capacity is contended, UNAVAILABLE where there is none. The reason is in its details. */
export function refusal(
  reason: RefusalReason,
  { shard, retryAfterS, details, cause }: RefusalFacts,
): AppError {
  const [code, says] = SAYS[reason];
  const { priority, pool } = shard;
  return new AppError(code, says(priority), {
    details: { reason, priority, pool, ...details },
    retryAfterS,
    cause,
  });
}

/** The reason of a refusal; undefined for any other error. */
export function reasonOf({ details }: AppError): string | undefined {
  const reason = details?.['reason'];
  return typeof reason === 'string' && Object.hasOwn(SAYS, reason) ? reason : undefined;
}

/** A failure of Redis, as the caller is told of it: refused at once, to be tried again soon. */
export function redisFailure(shard: Shard, cause: unknown): AppError {
  const outOfMemory = cause instanceof Error && /\bOOM\b/.test(cause.message);
  return outOfMemory
    ? refusal('memory', { shard, retryAfterS: soonS(5), cause })
    : refusal('redis', { shard, retryAfterS: soonS(1), cause });
}

/** Where nothing can be measured: `leastS` to three times as many seconds, so that not all come back together. */
export function soonS(leastS: number): number {
  return leastS + Math.round(Math.random() * 2 * leastS);
}
