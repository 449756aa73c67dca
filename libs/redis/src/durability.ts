import type { Redis } from 'ioredis';
import type { Logger } from '@frontier/kit/logger';
import { isCluster, type RedisClient } from './connection.ts';

/**
 * Warns where Redis, or a master of a Cluster, is set up so that acknowledged work could be lost. `replicas`: how
 * many of them must have each write.
 */
export async function warnIfNotDurable(redis: RedisClient, replicas: number, log: Logger): Promise<void> {
  const servers = isCluster(redis) ? redis.nodes('master') : [redis];
  await Promise.all(
    servers.map((server) =>
      warnOf(server, replicas, log).catch((error: Error) => {
        log.info(
          { err: error.message },
          'cannot read the settings of Redis; make sure of AOF and noeviction',
        );
      }),
    ),
  );
}

async function warnOf(redis: Redis, replicas: number, log: Logger): Promise<void> {
  const server = `${redis.options.host}:${redis.options.port}`;
  // INFO, because the right to CONFIG is more than a service should have.
  const fields = await redis.info();
  const field = (name: string) => {
    const value = new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(fields)?.[1];
    if (value === undefined) throw new Error(`INFO has no ${name}`);
    return value;
  };
  if (field('aof_enabled') === '0') {
    log.warn(
      { server },
      'Redis has no append-only file: acknowledged requests are lost when it stops; set appendonly yes',
    );
  }
  const policy = field('maxmemory_policy');
  if (policy !== 'noeviction') {
    log.warn({ server, policy }, 'Redis may evict queued work; set maxmemory-policy noeviction');
  }
  if (replicas === 0) return;
  const connected = Number(field('connected_slaves'));
  if (connected < replicas) {
    log.warn(
      { server, connected, replicas },
      'Redis has fewer replicas than each write must reach: requests are refused',
    );
  }
}
