import type { DeadLetter } from '@frontier/contracts/dead-letter';
import type { Shard } from '@frontier/contracts/queue';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { queueShape } from '@frontier/kit/queue-config';
import { DeadLetters } from '@frontier/redis/dead-letters';
import { deadLetter } from '@frontier/redis/testing/dead-letter';
import { startRedis, type TestRedis } from '@frontier/redis/testing/redis-server';
import { Redis } from 'ioredis';
import { LazyDeadLetters } from './dead-letters.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const shard: Shard = { priority: 'standard', pool: 'cpu', index: 0 };

function lazy(redisUrl: string): LazyDeadLetters {
  const { pools, shards, queues } = parseEnv(queueShape, {});
  const replication = { replicas: 0, timeoutMs: 1_000 };
  return new LazyDeadLetters({ redisUrl, pools, shards, policies: queues, replication, keptBytes: 1, log });
}

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test('says that Redis is away, and works when it has come back', async () => {
  const client = new Redis(redis.url);
  const store = new DeadLetters({ redis: client, shard, log });
  const letter = deadLetter(shard, 'crash', { diedAt: Date.now() });
  await store.add(letter, Buffer.from('the inputs'));
  await store.close();
  client.disconnect();

  const letters = lazy(redis.url);
  await redis.kill('SIGTERM');
  await expect(letters.open()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterS: 5 });
  await redis.restart();
  const source = await letters.open();
  const found = (await source.find(letter.id)) as DeadLetter;
  expect(found).toMatchObject({ id: letter.id, kind: 'crash' });
  expect(await source.payloadBytes(found)).toBe(10);
  await letters.stop();
});
