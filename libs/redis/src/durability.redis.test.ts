import { Redis } from 'ioredis';
import type { Logger } from '@frontier/kit/logger';
import { warnIfNotDurable } from './durability.ts';
import { startRedis } from './testing/redis-server.ts';

async function warningsOf(args: string[], replicas: number): Promise<string[]> {
  const server = await startRedis(args);
  const redis = new Redis(server.servicesUrl);
  const warnings: string[] = [];
  const log = { warn: (...args: unknown[]) => warnings.push(String(args.at(-1))) } as unknown as Logger;
  await warnIfNotDurable(redis, replicas, log);
  redis.disconnect();
  await server.stop();
  return warnings;
}

it('says nothing of a durable Redis', async () => {
  expect(await warningsOf([], 0)).toEqual([]);
});

it('warns where acknowledged work could be lost, or none be acknowledged', async () => {
  const warnings = await warningsOf(['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru'], 1);
  expect(warnings).toEqual([
    expect.stringContaining('appendonly yes'),
    expect.stringContaining('noeviction'),
    expect.stringContaining('fewer replicas'),
  ]);
});
