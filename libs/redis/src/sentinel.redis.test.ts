import type { Shard } from '@frontier/contracts/queue';
import { startSentinel, type TestSentinel } from './testing/redis-sentinel.ts';
import { TestLoad } from './testing/test-load.ts';

const shards: Shard[] = [{ priority: 'standard', pool: 'cpu', index: 0 }];

let sentinel: TestSentinel;
let load: TestLoad;
beforeAll(async () => {
  sentinel = await startSentinel();
  load = new TestLoad({ url: sentinel.url, shards, replication: { replicas: 1, timeoutMs: 500 } });
  await load.start();
});
afterAll(async () => {
  await load.stop();
  await sentinel.stop();
});

it('goes on with the primary that the sentinels name, and loses nothing that was acknowledged', async () => {
  load.run(100);
  await load.answered(100);
  await sentinel.failOver();
  await load.answered(100);
  expect(await load.finish()).toEqual({ lost: [], double: [] });
}, 60_000);
