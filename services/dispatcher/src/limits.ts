import { PRIORITIES, type Priority, type QueuePolicies, type QueuePolicy } from '@frontier/contracts/queue';
import type { BatchLimits } from '@frontier/policy/batcher';

/** The limits of a batcher: a model's own, and those of each priority. */
export function batchLimits(
  policies: QueuePolicies,
  { maxRows, maxBytes, windowMs }: Pick<BatchLimits, 'maxRows' | 'maxBytes' | 'windowMs'>,
): BatchLimits {
  const each = (value: (policy: QueuePolicy) => number) =>
    Object.fromEntries(PRIORITIES.map((p) => [p, value(policies[p])])) as Record<Priority, number>;
  return {
    maxRows,
    maxBytes,
    windowMs,
    maxItems: each((policy) => policy.batchSize),
    flushMs: each((policy) => policy.flushMs),
    lowOldMs: policies.low.maxWaitMs,
  };
}
