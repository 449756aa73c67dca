import { Cluster } from 'ioredis';
import keySlot from 'cluster-key-slot';
import { PRIORITIES, type Shard } from '@frontier/contracts/queue';
import { createLogger } from '@frontier/kit/logger';
import { connect, disconnect, whenReady } from './connection.ts';
import { ShardKeys } from './keys.ts';
import { replicated } from './replication.ts';
import { startCluster, type TestCluster, type TestNode } from './testing/redis-cluster.ts';
import { TestLoad } from './testing/test-load.ts';

const log = createLogger({ service: 'test', level: 'silent' });
// One on each master.
const shards = PRIORITIES.map((priority): Shard => ({ priority, pool: 'cpu', index: 0 }));
const slots = shards.map((shard) => keySlot(new ShardKeys(shard).prefix));
const [vip, standard] = slots as [number, number];

let cluster: TestCluster;
const loads: TestLoad[] = [];
beforeAll(async () => {
  cluster = await startCluster();
}, 30_000);
afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop();
});
afterAll(() => cluster.stop());

async function startLoad(replicas: number): Promise<TestLoad> {
  const load = new TestLoad({ url: cluster.url, shards, replication: { replicas, timeoutMs: 500 } });
  loads.push(load);
  await load.start();
  return load;
}

describe('a Redis Cluster', () => {
  it.each([0, 1])('answers each request on all of its masters, with %i replicas', async (replicas) => {
    const masters = await Promise.all(slots.map((slot) => cluster.masterOf(slot)));
    expect(new Set(masters).size).toBe(3);
    const load = await startLoad(replicas);
    for (let i = 0; i < 300; i += 1) load.call();
    expect(await load.finish()).toEqual({ lost: [], double: [] });
    expect(load.answers.size).toBe(300);
    expect(load.executed).toBe(300);
  });

  it('fails calls on half a slot instead of taking what is on its way for gone', async () => {
    const redis = connect({ url: cluster.url, name: 'test', log }) as Cluster;
    await whenReady(redis, 5_000);
    const { outstanding } = new ShardKeys({ priority: 'low', pool: 'gpu', index: 7 });
    const slot = keySlot(outstanding);
    const from = await cluster.masterOf(slot);
    const masters = await Promise.all(slots.map((each) => cluster.masterOf(each)));
    const to = masters.find((node) => node !== from) as TestNode;
    await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    await expect(redis.exists(outstanding)).rejects.toThrow('ASK');
    for (const { admin } of [to, from]) await admin.call('CLUSTER', 'SETSLOT', slot, 'STABLE');
    await expect(redis.exists(outstanding)).resolves.toBe(0);
    await disconnect(redis);
  });

  it('does not vouch for writes of a shard that has got another master since', async () => {
    const redis = connect({ url: cluster.url, name: 'test', log }) as Cluster;
    await whenReady(redis, 5_000);
    const { settled } = new ShardKeys({ priority: 'low', pool: 'gpu', index: 8 });
    const from = await cluster.masterOf(keySlot(settled));
    const masters = await Promise.all(slots.map((slot) => cluster.masterOf(slot)));
    const write = (then?: () => Promise<void>) =>
      replicated(redis, { replicas: 1, timeoutMs: 500 }, settled, async () => {
        await redis.incr(settled);
        await then?.();
        await redis.incr(settled);
      });
    await write();
    const moved = write(() => cluster.moveSlot(keySlot(settled), masters.find((node) => node !== from) as TestNode)); // prettier-ignore
    await expect(moved).rejects.toThrow('was lost');
    await write();
    expect(await redis.get(settled)).toBe('6');
    await disconnect(redis);
  });

  it('loses and doubles nothing while a slot moves and a master fails under load', async () => {
    const load = await startLoad(1);
    load.run(100);
    await load.answered(100);
    await cluster.moveSlot(standard, await cluster.masterOf(vip));
    await load.answered(100);
    // Of two shards now.
    await cluster.failOver(vip);
    await load.answered(300);
    expect(await load.finish()).toEqual({ lost: [], double: [] });
  }, 60_000);
});
