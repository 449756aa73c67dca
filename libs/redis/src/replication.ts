import type { Redis } from 'ioredis';
import { masterOf } from './cluster.ts';
import { isCluster, type RedisClient } from './connection.ts';

/** How many replicas must have a write before anybody is told of it. 0: none are configured. */
export interface Replication {
  replicas: number;
  timeoutMs: number;
}

/**
 * Runs writes on a shard and then waits until they, and all that the shard held before, are on the replicas.
 *
 * `WAIT` vouches for what was written up to the last command of its connection, on a fresh one for nothing: so it
 * follows a write of its own, which leaves `counter`, a counter of the shard, as it is. And what was written to a lost
 * server may be lost: so a reconnect in between, or another master of the shard, counts as not replicated. Throws
 * then, and when too few replicas answered.
 */
export async function replicated<T>(
  redis: RedisClient,
  { replicas, timeoutMs }: Replication,
  counter: string,
  writes: () => Promise<T>,
): Promise<T> {
  if (replicas === 0) return writes();
  const server = await serverOf(redis, counter);
  const losses = lossesOf(server);
  const before = losses.count;
  const result = await writes();
  if (losses.count > before || (isCluster(redis) && masterOf(redis, counter) !== server)) {
    throw new Error('the connection to the master was lost before its replicas had the write');
  }
  const [, acknowledged] = await Promise.all([server.incrby(counter, 0), server.wait(replicas, timeoutMs)]);
  if (acknowledged < replicas) {
    throw new Error(`only ${acknowledged} of ${replicas} replicas have the write`);
  }
  return result;
}

const losses = new WeakMap<Redis, { count: number }>();

/** How often this connection was lost since it was first asked for. */
function lossesOf(server: Redis): { readonly count: number } {
  let found = losses.get(server);
  if (!found) {
    const counted = { count: 0 };
    server.on('close', () => {
      counted.count += 1;
    });
    losses.set(server, counted);
    found = counted;
  }
  return found;
}

async function serverOf(redis: RedisClient, key: string): Promise<Redis> {
  if (!isCluster(redis)) return redis;
  // A master that this client does not know yet is found by the redirection of any call.
  if (!masterOf(redis, key)) await redis.exists(key);
  const server = masterOf(redis, key);
  if (!server) throw new Error('the shard has no master now');
  return server;
}
