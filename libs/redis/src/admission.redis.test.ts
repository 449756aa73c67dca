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
    const queue = await lab.gateway({ standard: { bound: 100 } }, { shards: 2 });
    for (const priority of PRIORITIES)
      for (const pool of POOLS) expect(queue.shardFor(priority, pool)).toMatchObject({ priority, pool });
    const request = newRequest(queue);
    await queue.submit(request);
    const other = queue.shardFor('standard', 'cpu').index;
    expect(request.id.endsWith(`sc${other}`)).toBe(false);
  });
});

describe('tenants', () => {
  it('cannot keep a newcomer out: it gets in after its first refusal, while who fills the shard is refused', async () => {
    const queue = await lab.gateway({ standard: { bound: 20 } });
    const give: (() => void)[] = [];
    await submitMany([queue], 30, () => ({ tenant: 'greedy' }));
    expect(await submit(queue, { tenant: 'new' })).toMatchObject({ details: { reason: 'full' } });
    await lab.dispatcher({ before: () => new Promise<void>((resolve) => give.push(resolve)) });
    while (give.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    give.shift()?.();
    while ((await lab.outstanding(SHARD))[0] === 20) await new Promise((resolve) => setTimeout(resolve, 5));
    const more = await submitMany([queue], 100, () => ({ tenant: 'greedy' }));
    expect(countReasons(more)).toEqual({ tenant: 100 });
    expect(more[0]).toMatchObject({ code: 'OVERLOADED', retryAfterS: expect.any(Number) });
    expect(await submit(queue, { tenant: 'new' })).toBeUndefined();
    const release = setInterval(() => give.shift()?.(), 1);
    while ((await lab.outstanding(SHARD))[0] > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    clearInterval(release);
  });

  it('have what is over their share in the lane behind that of others, in small bundles', async () => {
    const queue = await lab.gateway({ standard: { bound: 100 } });
    await submitMany([queue], 60, () => ({ tenant: 'greedy' }));
    await submit(queue, { tenant: 'modest' });
    const { prefix, recordPrefix } = new ShardKeys(SHARD);
    const owners = new Map<string, number>();
    for (const key of await lab.redis.keys(`${recordPrefix}*`)) {
      const owner = (await lab.redis.hget(key, 'owner')) as string;
      owners.set(owner, (owners.get(owner) ?? 0) + 1);
      // The job that it names exists in the queue that it names.
      expect(await lab.redis.exists(`${prefix}:${owner}`)).toBe(1);
    }
    const inLane = (lane: string) =>
      [...owners].filter(([owner]) => owner.startsWith(`${lane}:`)).map(([, n]) => n);
    expect(inLane('main').reduce((a, b) => a + b)).toBe(21);
    expect(inLane('overflow').reduce((a, b) => a + b)).toBe(40);
    expect(Math.max(...inLane('overflow'))).toBeLessThanOrEqual(16);
    await lab.dispatcher();
    while ((await lab.outstanding(SHARD))[0] > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});

describe('a model that no worker serves', () => {
  it('does not fill the bound of others, and has one of its own', async () => {
    const queue = await lab.gateway({ standard: { bound: 30 } });
    await lab.dispatcher({ isServed: (model) => model !== 'cold' });
    const parked = () => lab.redis.hget(new ShardKeys(SHARD).held, '*').then(Number);
    for (let round = 0; (await parked()) < 30; round += 1) {
      await submitMany([queue], 30, () => ({ model: 'cold' }));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const refusals = await submitMany([queue], 10, () => ({ model: 'cold' }));
    expect(refusals[0]).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'unserved' }, retryAfterS: expect.any(Number) }); // prettier-ignore
    const warm = newRequest(queue, { mode: 'sync', model: 'warm' });
    await queue.submit(warm);
    expect((await queue.wait(warm.id, 'default')).outcome.status).toBe('completed');
  });
});
