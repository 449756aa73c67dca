import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { Redis } from 'ioredis';
import { queuePoliciesSchema } from '@frontier/contracts/queue';
import { bytesTensor, encodeTensors } from '@frontier/contracts/tensor';
import { queueContract, textOf } from '@frontier/contracts/testing/queue-contract';
import { createLogger } from '@frontier/kit/logger';
import { DispatchQueue } from './dispatch-queue.ts';
import { createInferenceQueue } from './inference-queue.ts';
import { startRedis, type TestRedis } from './testing/redis-server.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const policies = queuePoliciesSchema.parse({});
const replication = { replicas: 0, timeoutMs: 1_000 };

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

async function startDispatcher(): Promise<DispatchQueue> {
  const dispatcher: DispatchQueue = new DispatchQueue({
    redisUrl: server.servicesUrl,
    name: 'test',
    shards: [{ priority: 'standard', pool: 'cpu', index: 0 }],
    policies,
    keptBytes: 1_000_000,
    replication,
    log,
    registry: new Registry(),
    isServed: () => true,
    onTaking: () => undefined,
    onBundle: async ({ run }) => {
      await Promise.all(
        run.map((request) => {
          const outputs = encodeTensors([bytesTensor('text', [Buffer.from(textOf(request).toUpperCase())])]);
          const { model, version } = request;
          return dispatcher.commit(request, { outcome: { status: 'completed', model, version }, outputs });
        }),
      );
    },
  });
  await dispatcher.start();
  dispatcher.take();
  return dispatcher;
}

queueContract('RedisInferenceQueue', async () => {
  const redis = new Redis(server.url);
  await redis.flushall();
  redis.disconnect();
  let dispatcher: DispatchQueue | undefined;
  const queue = createInferenceQueue({
    redisUrl: server.servicesUrl,
    gatewayId: `gw-${randomUUID()}`,
    policies,
    shards: 1,
    keptBytes: 1e6,
    replication,
    log,
    registry: new Registry(),
  });
  await queue.start();
  return {
    queue,
    serve: async () => {
      dispatcher = await startDispatcher();
    },
    stop: async () => {
      await dispatcher?.stop();
      await queue.stop();
    },
  };
});
