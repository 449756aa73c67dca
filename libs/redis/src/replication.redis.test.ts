import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { inferenceId, queuePoliciesSchema, type Shard } from '@frontier/contracts/queue';
import type { NewRequest } from '@frontier/contracts/request';
import { createLogger } from '@frontier/kit/logger';
import { connect, whenReady } from './connection.ts';
import { DispatchQueue } from './dispatch-queue.ts';
import { createInferenceQueue, type RedisInferenceQueue } from './inference-queue.ts';
import { ShardKeys } from './keys.ts';
import { replicated } from './replication.ts';
import type { TakenBundle } from './taken.ts';
import { startRedis, type TestRedis } from './testing/redis-server.ts';

const shard: Shard = { priority: 'vip', pool: 'cpu', index: 0 };
const keys = new ShardKeys(shard);
const log = createLogger({ service: 'test', level: 'silent' });
const replication = { replicas: 1, timeoutMs: 500 };
const policies = queuePoliciesSchema.parse({});

let primary: TestRedis;
let replica: TestRedis;
let admin: Redis;
let gateway: RedisInferenceQueue;
const dispatchers: DispatchQueue[] = [];

beforeAll(async () => {
  primary = await startRedis(['--repl-diskless-sync-delay', '0']);
  replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)]);
  admin = new Redis(primary.url);
  do await admin.set('wake', randomUUID());
  while ((await admin.wait(1, 100)) < 1);
  const registry = new Registry();
  gateway = createInferenceQueue({
    redisUrl: primary.url,
    gatewayId: 'gw',
    policies,
    keptBytes: 1e6,
    shards: 1,
    replication,
    log,
    registry,
  });
  await gateway.start();
});
afterEach(async () => {
  for (const dispatcher of dispatchers.splice(0)) await dispatcher.stop();
});
afterAll(async () => {
  await gateway.stop();
  admin.disconnect();
  await replica.stop();
  await primary.stop();
});

async function dispatcher(onBundle: (queue: DispatchQueue, bundle: TakenBundle) => Promise<void>) {
  const queue: DispatchQueue = new DispatchQueue({
    redisUrl: primary.url,
    name: 'test',
    shards: [shard],
    policies,
    replication,
    log,
    keptBytes: 1e6,
    registry: new Registry(),
    isServed: () => true,
    onTaking: () => undefined,
    onBundle: (bundle) => onBundle(queue, bundle),
  });
  await queue.start();
  queue.take();
  dispatchers.push(queue);
}

const commitAll = async (queue: DispatchQueue, bundle: TakenBundle) => {
  await queue.republish(bundle.committed);
  await Promise.all(
    bundle.run.map((r) =>
      queue.commit(r, {
        outcome: { status: 'completed', model: r.model, version: '1' },
        outputs: new Uint8Array(0),
      }),
    ),
  );
};

const request = (): NewRequest => ({
  id: inferenceId(uuidv7(), shard),
  tenant: 'default',
  model: 'm',
  version: '1',
  priority: 'vip',
  pool: 'cpu',
  mode: 'sync',
  timeoutMs: 10_000,
  payload: new Uint8Array(4),
});

describe('with a replica', () => {
  it('acknowledges and answers what the replica has', async () => {
    await dispatcher(commitAll);
    const r = request();
    await gateway.submit(r);
    expect((await gateway.wait(r.id, 'default')).outcome.status).toBe('completed');
    const copy = new Redis(replica.url);
    expect(await copy.exists(`${keys.terminalPrefix}default:${r.id}`)).toBe(1);
    copy.disconnect();
  });

  it('refuses with 503 while the replica does not follow', async () => {
    await replica.kill('SIGSTOP');
    await expect(gateway.submit(request())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterS: expect.any(Number),
    });
    await replica.kill('SIGCONT');
  });

  it('publishes what a lost dispatcher had committed, without running it again', async () => {
    let runs = 0;
    const r = request();
    await gateway.submit(r);
    const record = `${keys.recordPrefix}default:${r.id}`;
    // As a dispatcher leaves it that dies between its commit and its WAIT.
    const blob = Buffer.from([2, 0, 0, 0, 0x7b, 0x7d]);
    await admin.hset(record, { state: 'committed', blob });
    await dispatcher((queue, bundle) => {
      runs += bundle.run.filter(({ id }) => id === r.id).length;
      return commitAll(queue, bundle);
    });
    expect((await gateway.wait(r.id, 'default')).outcome).toEqual({});
    expect(runs).toBe(0);
    expect(await admin.exists(record)).toBe(0);
  });

  it('does not vouch for what a connection that was lost has written', async () => {
    const redis = connect({ url: primary.url, name: 'test', log }) as Redis;
    await whenReady(redis, 5_000);
    const writes = replicated(redis, replication, keys.settled, async () => {
      const back = new Promise((resolve) => redis.once('ready', resolve));
      await admin.client('KILL', 'ID', await redis.client('ID'));
      await back;
    });
    await expect(writes).rejects.toThrow('was lost');
    redis.disconnect();
  });

  it('vouches on a fresh connection only for what the replica has', async () => {
    const redis = connect({ url: primary.url, name: 'test', log }) as Redis;
    await whenReady(redis, 5_000);
    await replica.kill('SIGSTOP');
    await admin.set('theirs', 1);
    const nothing = () => Promise.resolve();
    await expect(replicated(redis, replication, keys.settled, nothing)).rejects.toThrow('only 0 of 1');
    await replica.kill('SIGCONT');
    await replicated(redis, replication, keys.settled, nothing);
    redis.disconnect();
  });
});
