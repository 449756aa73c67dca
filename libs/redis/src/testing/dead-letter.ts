import { v7 as uuidv7 } from 'uuid';
import type { DeadLetter, FailureKind } from '@frontier/contracts/dead-letter';
import { inferenceId, type Shard } from '@frontier/contracts/queue';

/** A dead letter as a dispatcher writes it, that died now. */
export function deadLetter(shard: Shard, kind: FailureKind, extra: Partial<DeadLetter> = {}): DeadLetter {
  const names = { id: inferenceId(uuidv7(), shard), tenant: 'default', model: 'echo', version: '1' };
  return {
    ...names,
    shard,
    kind,
    error: { code: 'UPSTREAM_ERROR', message: 'the upstream answered 503' },
    attempts: 3,
    crashes: 0,
    diedAt: Date.now(),
    request: { ...names, epoch: 0, mode: 'sync', timeoutMs: 30_000 },
    ...extra,
  };
}
