import { POOLS, PRIORITIES, type Shard } from '@frontier/contracts/queue';
import type { NewRequest } from '@frontier/contracts/request';
import type { RedisInferenceQueue } from './inference-queue.ts';
import { ShardKeys } from './keys.ts';
import { countReasons, Lab, newRequest, refusalOf } from './testing/lab.ts';

const SHARD: Shard = { priority: 'standard', pool: 'cpu', index: 0 };

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterEach(() => lab.clear());
afterAll(() => lab.stop());

const submit = (queue: RedisInferenceQueue, extra: Partial<NewRequest> = {}) =>
  refusalOf(queue.submit(newRequest(queue, extra)));

/** `count` submits at once, spread over the queues. */
const submitMany = (
  queues: RedisInferenceQueue[],
  count: number,
  extra: (i: number) => Partial<NewRequest>,
) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      submit(queues[i % queues.length] as RedisInferenceQueue, extra(i)),
    ),
  );

const gateways = (count: number, ...options: Parameters<Lab['gateway']>) =>
  Promise.all(Array.from({ length: count }, () => lab.gateway(...options)));

describe('what is outstanding by model', () => {
  const models = () => lab.redis.hgetall(new ShardKeys(SHARD).models);

  it('is what was admitted and has not ended, refusals and repeated keys left out', async () => {
    const [queue] = await gateways(1, { standard: { bound: 5 } });
    const keyed = { idempotency: { key: 'k', bodyHash: 'h' } };
    await submitMany([queue as RedisInferenceQueue], 4, (i) => ({ model: i < 3 ? 'one' : 'two', mode: 'job' })); // prettier-ignore
    await submit(queue as RedisInferenceQueue, { model: 'two', mode: 'job', ...keyed });
    await submit(queue as RedisInferenceQueue, { model: 'two', mode: 'job', ...keyed });
    await submitMany([queue as RedisInferenceQueue], 10, () => ({ model: 'three' }));
    expect(await models()).toEqual({ 'one@1': '3', 'two@1': '2' });
    await lab.dispatcher();
    while (Object.keys(await models()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await lab.outstanding(SHARD)).toEqual([0, 0]);
  });
});

describe('bounds under four gateways at once', () => {
  it('hold exactly by count, and each refusal says why and when to come back', async () => {
    const queues = await gateways(4, { standard: { bound: 150 } });
    const refusals = await submitMany(queues, 2_000, () => ({}));
    expect(countReasons(refusals)).toEqual({ taken: 150, full: 1_850 });
    expect(await lab.outstanding(SHARD)).toEqual([150, 150 * 16]);
    for (const refusal of refusals) {
      if (!refusal) continue;
      expect(refusal).toMatchObject({ code: 'OVERLOADED', message: expect.stringContaining('full') });
      expect(refusal.retryAfterS).toBeGreaterThanOrEqual(1);
      expect(refusal.retryAfterS).toBeLessThanOrEqual(60);
    }
  });

  it('hold exactly by bytes', async () => {
    const queues = await gateways(4, { standard: { boundBytes: 1_000_000 } });
    const payload = Buffer.alloc(9_000);
    const refusals = await submitMany(queues, 1_000, () => ({ payload }));
    expect(countReasons(refusals)).toEqual({ taken: 111, bytes: 889 });
    expect(await lab.outstanding(SHARD)).toEqual([111, 111 * 9_000]);
  });

  it('hold at every moment while work comes and goes, and all that was taken is answered', async () => {
    const queues = await gateways(4, { standard: { bound: 60, boundBytes: 100_000 } });
    await lab.dispatcher();
    let [most, mostBytes] = [0, 0];
    const done = new AbortController();
    const watch = (async () => {
      while (!done.signal.aborted) {
        const [count, bytes] = await lab.outstanding(SHARD);
        [most, mostBytes] = [Math.max(most, count), Math.max(mostBytes, bytes)];
      }
    })();
    const callers = Array.from({ length: 200 }, async (_, i) => {
      const queue = queues[i % 4] as RedisInferenceQueue;
      const ends: string[] = [];
      for (let n = 0; n < 10; n += 1) {
        const r = newRequest(queue, {
          mode: 'sync',
          tenant: `t${i % 7}`,
          payload: Buffer.alloc((i * n) % 9_000),
        });
        const refusal = await refusalOf(queue.submit(r));
        ends.push(refusal ? 'refused' : (await queue.wait(r.id, r.tenant)).outcome.status);
      }
      return ends;
    });
    const ends = (await Promise.all(callers)).flat();
    done.abort();
    await watch;
    expect(new Set(ends)).toEqual(new Set(['refused', 'completed']));
    expect(most).toBeLessThanOrEqual(60);
    expect(mostBytes).toBeLessThanOrEqual(100_000);
    expect(await lab.outstanding(SHARD)).toEqual([0, 0]);
    expect(await lab.redis.exists(new ShardKeys(SHARD).tenants)).toBe(0);
  });

  it('are divided among shards without a rest, and shards without a place are left alone', async () => {
    const queues = await gateways(4, { standard: { bound: 10 }, vip: { bound: 2 } }, { shards: 4 });
    // A shard that is full may be chosen while another has room: so they are tried until all are full.
    let taken = 0;
    for (let round = 0; round < 5; round += 1)
      taken += countReasons(await submitMany(queues, 100, () => ({})))['taken'] ?? 0;
    expect(taken).toBe(10);
    const vip = await submitMany(queues, 100, () => ({ priority: 'vip' }));
    expect(countReasons(vip)).toEqual({ taken: 2, full: 98 });
    const counts = await Promise.all(
      [0, 1, 2, 3].map(async (index) => (await lab.outstanding({ ...SHARD, index }))[0]),
    );
    expect(counts).toEqual([3, 3, 2, 2]);
  });
});

describe('a shard that is chosen', () => {
  it('is of the priority and pool, and the less loaded of two', async () => {
    const queue = await lab.gateway({ standard: { bound: 10 } }, { shards: 2 });
    for (const priority of PRIORITIES)
      for (const pool of POOLS) expect(queue.shardFor(priority, pool)).toMatchObject({ priority, pool });
    const request = newRequest(queue);
    await queue.submit(request);
    const other = queue.shardFor('standard', 'cpu').index;
    expect(request.id.endsWith(`sc${other}`)).toBe(false);
  });

  it('takes what comes together, up to a part of its bound', async () => {
    const queue = await lab.gateway({ standard: { bound: 100 } }, { shards: 4 });
    const chosen = Array.from({ length: 400 }, () => queue.shardFor('standard', 'cpu').index);
    for (let i = 0; i < 400; i += 4) expect(new Set(chosen.slice(i, i + 4)).size).toBe(1);
    expect(new Set(chosen).size).toBe(4);
  });
});
