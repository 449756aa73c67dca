import { Registry } from 'prom-client';
import { queuePoliciesSchema, type Shard } from '@frontier/contracts/queue';
import type { TakenRequest } from './taken.ts';
import { connect, disconnect, whenReady } from './connection.ts';
import { createLogger } from '@frontier/kit/logger';
import { ShardKeys } from './keys.ts';
import { queueMetrics } from './metrics.ts';
import { ShardProducers } from './shard-producers.ts';
import { Lab, newRequest } from './testing/lab.ts';

const SHARD: Shard = { priority: 'standard', pool: 'cpu', index: 0 };

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterEach(() => lab.clear());
afterAll(() => lab.stop());

const record = (id: string) => `${new ShardKeys(SHARD).recordPrefix}default:${id}`;

describe('a caller that goes away', () => {
  it('does not end what is waited for at another gateway; the last one does', async () => {
    const [a, b] = [await lab.gateway(), await lab.gateway()];
    const r = newRequest(a, { mode: 'stream' });
    await a.submit(r);
    const elsewhere = b.wait(r.id, 'default');
    while (!(await lab.redis.hget(record(r.id), 'gateways'))?.includes(','))
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await a.abandon(r.id, 'default')).toBeUndefined();
    expect((await b.read(r.id, 'default'))?.state).toBe('waiting');
    expect((await b.abandon(r.id, 'default'))?.outcome.status).toBe('cancelled');
    expect((await elsewhere).outcome.status).toBe('cancelled');
  });
});

describe('a cancellation that comes behind a result', () => {
  it('gives the result, when replicas have it', async () => {
    const queue = await lab.gateway();
    const r = newRequest(queue);
    await queue.submit(r);
    await lab.redis.hset(record(r.id), 'state', 'committed');
    const cancelled = queue.cancel(r.id, 'default');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await lab.redis.set(
      `${new ShardKeys(SHARD).terminalPrefix}default:${r.id}`,
      '\x16\0\0\0{"status":"completed"}',
    );
    expect((await cancelled)?.outcome.status).toBe('completed');
  });
});

describe('a request that nobody waits for', () => {
  it('runs with what it was redriven from, and can be asked for at any gateway', async () => {
    const log = createLogger({ service: 'test', level: 'silent' });
    const redis = connect({ url: lab.server.url, name: 'test', log });
    await whenReady(redis, 5_000);
    const producers = new ShardProducers({
      redis,
      gateway: '',
      policies: queuePoliciesSchema.parse({}),
      shards: 1,
      keptBytes: 1e9,
      replication: { replicas: 0, timeoutMs: 1_000 },
      metrics: queueMetrics(new Registry()),
    });
    const taken: TakenRequest[] = [];
    let go!: () => void;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    await lab.dispatcher({ before: (request) => (taken.push(request), gate) });
    const queue = await lab.gateway();
    const r = newRequest(queue, { redriveOf: 'inf_before', redrives: 2 });
    expect(await producers.submit(r)).toBe('new');
    const answer = queue.wait(r.id, 'default');
    while (taken.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(taken[0]).toMatchObject({ id: r.id, redriveOf: 'inf_before', redrives: 2, gateway: '' });
    go();
    expect((await answer).outcome.status).toBe('completed');
    await producers.stop();
    await disconnect(redis);
  });
});
