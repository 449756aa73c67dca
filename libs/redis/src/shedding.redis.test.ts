import { Registry } from 'prom-client';
import type { Shard } from '@frontier/contracts/queue';
import type { NewRequest } from '@frontier/contracts/request';
import type { RedisInferenceQueue } from './inference-queue.ts';
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
const submitMany = (queue: RedisInferenceQueue, count: number, extra: Partial<NewRequest> = {}) =>
  Promise.all(Array.from({ length: count }, () => submit(queue, extra)));
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('a backlog', () => {
  /** A dispatcher that answers one request in 10 ms, behind 300 of them, seen for long enough. */
  async function behindBacklog(
    maxWaitMs: number,
  ): Promise<{ queue: RedisInferenceQueue; registry: Registry }> {
    const registry = new Registry();
    const queue = await lab.gateway({ standard: { maxWaitMs } }, { registry });
    for (let i = 0; i < 20; i += 1) await submitMany(queue, 15);
    let last: Promise<void> = Promise.resolve();
    await lab.dispatcher({ before: () => (last = last.then(() => pause(10))) });
    for (let i = 0; i < 12; i += 1) {
      await submit(queue);
      await pause(60);
    }
    return { queue, registry };
  }

  it('has those refused at once whose deadline is before their turn', async () => {
    const { queue, registry } = await behindBacklog(60_000);
    const refusal = await submit(queue, { timeoutMs: 200 });
    expect(refusal).toMatchObject({
      code: 'OVERLOADED',
      details: { reason: 'deadline', timeout_ms: 200, predicted_wait_ms: expect.any(Number) },
    });
    expect(refusal?.details?.['predicted_wait_ms']).toBeGreaterThan(200);
    expect(refusal?.retryAfterS).toBeGreaterThanOrEqual(1);
    expect(await submit(queue, { timeoutMs: 60_000 })).toBeUndefined();
    expect(await registry.metrics()).toMatch(
      /admission_refused_total\{priority="standard",reason="deadline"\} 1/,
    );
  });

  it('has all refused that would wait longer than anybody is to wait', async () => {
    const { queue } = await behindBacklog(100);
    expect(await submit(queue, { mode: 'sync' })).toMatchObject({
      code: 'OVERLOADED',
      details: { reason: 'wait', max_wait_ms: 100 },
      retryAfterS: expect.any(Number),
    });
    // A job may wait until its deadline.
    expect(await submit(queue, { timeoutMs: 60_000 })).toBeUndefined();
  });

  it('that is only a burst refuses nobody', async () => {
    const queue = await lab.gateway({ standard: { maxWaitMs: 100 } });
    await lab.dispatcher();
    for (let i = 0; i < 10; i += 1) {
      await submit(queue, { timeoutMs: 1_000 });
      await pause(100);
    }
    const refusals = await submitMany(queue, 300, { timeoutMs: 1_000 });
    expect(countReasons(refusals)).toEqual({ taken: 300 });
  });
});

describe('a model whose fastest run takes longer than a caller has', () => {
  it('is not asked, once that is known', async () => {
    const queue = await lab.gateway();
    await lab.dispatcher({ timing: { queue: 1, forming: 1, transport: 1, compute: 400 } });
    const call = async () => {
      const r = newRequest(queue, { mode: 'sync' });
      await queue.submit(r);
      return queue.wait(r.id, r.tenant);
    };
    expect(await submit(queue, { timeoutMs: 100 })).toBeUndefined();
    for (let i = 0; i < 3; i += 1) await call();
    expect(await submit(queue, { timeoutMs: 100 })).toMatchObject({
      code: 'OVERLOADED',
      details: { reason: 'deadline', predicted_run_ms: 401, timeout_ms: 100 },
      retryAfterS: expect.any(Number),
    });
    expect(await submit(queue, { timeoutMs: 500 })).toBeUndefined();
    expect(await submit(queue, { timeoutMs: 100, version: '2' })).toBeUndefined();
  });
});

describe('under pressure', () => {
  it('large requests are refused first', async () => {
    const queue = await lab.gateway({ standard: { bound: 100 } });
    const large = { payload: Buffer.alloc(65 * 1024) };
    expect(await submit(queue, large)).toBeUndefined();
    await submitMany(queue, 74);
    expect(await submit(queue, large)).toMatchObject({
      code: 'OVERLOADED',
      details: { reason: 'large', large_bytes: 65_536 },
      retryAfterS: expect.any(Number),
    });
    expect(await submit(queue)).toBeUndefined();
  });

  it('what can never fit is told so', async () => {
    const queue = await lab.gateway({ standard: { boundBytes: 100_000 } });
    const refusal = await submit(queue, { payload: Buffer.alloc(70_000) });
    expect(refusal).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { max_bytes: 50_000 } });
  });

  it('`low` gives way to the others of its pool', async () => {
    const bounds = { standard: { bound: 10 }, low: { bound: 20 } };
    const queue = await lab.gateway(bounds);
    expect(countReasons(await submitMany(queue, 8))).toEqual({ taken: 8 });
    expect(countReasons(await submitMany(queue, 30, { priority: 'low' }))).toEqual({ taken: 10, full: 20 });
    // What was seen of the others is old by now.
    await pause(1_050);
    expect(countReasons(await submitMany(queue, 30, { priority: 'low' }))).toEqual({ taken: 10, full: 20 });
  });
});

describe('when Redis is short of memory', () => {
  it('`low` and large are refused first, then all; what is there already is answered', async () => {
    const registry = new Registry();
    const used = async () => Number(/used_memory:(\d+)/.exec(await lab.redis.info('memory'))?.[1]);
    const max = (await used()) + 64 * 1024 * 1024;
    const seen = async (least: number) => {
      const ratio = async () => Number(/^redis_memory_ratio (\S+)/m.exec(await registry.metrics())?.[1]);
      while ((await ratio()) < least) await pause(50);
    };
    const fill = async (part: number) => {
      for (let i = 0; (await used()) < max * part; i += 1)
        await lab.redis.setrange(`${part}-${i}`, 900_000, 'x');
      await seen(part);
    };
    const queue = await lab.gateway({}, { registry });
    await lab.redis.config('SET', 'maxmemory', max);
    const keyed = { idempotency: { key: 'k', bodyHash: 'h' } };
    const first = newRequest(queue, keyed);
    await queue.submit(first);
    await fill(0.75);
    const memory = { code: 'UNAVAILABLE', details: { reason: 'memory' }, retryAfterS: expect.any(Number) };
    expect(await submit(queue, { priority: 'low' })).toMatchObject(memory);
    expect(await submit(queue, { payload: Buffer.alloc(66_000) })).toMatchObject(memory);
    expect(await submit(queue)).toBeUndefined();
    await fill(0.9);
    expect(await submit(queue)).toMatchObject(memory);
    expect(await queue.submit(newRequest(queue, keyed))).toEqual({ id: first.id, replayed: true });
    await lab.dispatcher();
    expect((await queue.wait(first.id, 'default')).outcome.status).toBe('completed');
    expect(await lab.outstanding(SHARD)).toEqual([0, 0]);
    await lab.redis.config('SET', 'maxmemory', 0);
  });
});

describe('when Redis is away', () => {
  it('all is refused at once, and taken again when it is back', async () => {
    const queue = await lab.gateway();
    await submit(queue);
    await lab.server.kill('SIGKILL');
    const refusal = await submit(queue);
    expect(refusal).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'redis' }, retryAfterS: expect.any(Number) }); // prettier-ignore
    await lab.server.restart();
    while (await submit(queue)) await pause(50);
  });
});
