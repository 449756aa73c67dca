import type { Redis } from 'ioredis';

/** How many replicas must have a write before anybody is told of it. 0: none are configured. */
export interface Replication {
  replicas: number;
  timeoutMs: number;
}

/**
 * Runs writes and then waits until they are on the replicas.
 *
 * Writes and `WAIT` must belong to one connection: the `WAIT` of a fresh one succeeds at once and vouches for
 * nothing. So a reconnect in between counts as not replicated. Throws then, and when too few replicas answered.
 */
export async function replicated<T>(
  redis: Redis,
  replication: Replication,
  writes: () => Promise<T>,
): Promise<T> {
  if (replication.replicas === 0) return writes();
  let reconnected = false;
  const onClose = () => {
    reconnected = true;
  };
  redis.once('close', onClose);
  try {
    const result = await writes();
    const acknowledged = await redis.wait(replication.replicas, replication.timeoutMs);
    if (reconnected || acknowledged < replication.replicas) {
      throw new Error(`only ${acknowledged} of ${replication.replicas} replicas have the write`);
    }
    return result;
  } finally {
    redis.off('close', onClose);
  }
}
