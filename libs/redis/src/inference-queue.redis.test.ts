import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { inferenceId, queuePoliciesSchema, type Shard } from '@frontier/contracts/queue';
import type { NewRequest, Settled } from '@frontier/contracts/request';
import { bytesTensor, decodeTensors, encodeTensors } from '@frontier/contracts/tensor';
import { Redis } from 'ioredis';
import { createLogger } from '@frontier/kit/logger';
import { DispatchQueue } from './dispatch-queue.ts';
import { createInferenceQueue, type RedisInferenceQueue } from './inference-queue.ts';
import { ShardKeys } from './keys.ts';
import type { TakenBundle, TakenRequest } from './taken.ts';
import { startRedis, type TestRedis } from './testing/redis-server.ts';

const shard: Shard = { priority: 'standard', pool: 'cpu', index: 0 };
const log = createLogger({ service: 'test', level: 'silent' });
const replication = { replicas: 0, timeoutMs: 1000 };

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function gateway(bound = 1000): Promise<RedisInferenceQueue> {
  const queue = createInferenceQueue({
    redisUrl: server.servicesUrl,
    gatewayId: `gw-${randomUUID()}`,
    policies: queuePoliciesSchema.parse({ standard: { bound } }),
    keptBytes: 10_000,
    shards: 1,
    replication,
    log,
    registry: new Registry(),
  });
  await queue.start();
  stops.push(() => queue.stop());
  return queue;
}

async function dispatcher(
  onBundle: (queue: DispatchQueue, bundle: TakenBundle) => Promise<void>,
): Promise<void> {
  const queue: DispatchQueue = new DispatchQueue({
    redisUrl: server.servicesUrl,
    name: 'test',
    shards: [shard],
    policies: queuePoliciesSchema.parse({}),
    replication,
    log,
    keptBytes: 1e6,
    registry: new Registry(),
    isServed: () => true,
    onTaking: () => undefined,
    onBundle: async (bundle) => {
      await onBundle(queue, bundle);
      await queue.bury(bundle.late, { code: 'TIMEOUT', message: 'late' });
    },
  });
  await queue.start();
  queue.take();
  stops.push(() => queue.stop());
}

function answerOf(request: TakenRequest): Settled {
  const text = Buffer.from(decodeTensors(request.payload)[0]?.data.subarray(4) ?? []).toString();
  return {
    outcome: { status: 'completed', model: request.model, version: request.version },
    outputs: encodeTensors([bytesTensor('text', [Buffer.from(text.toUpperCase())])]),
  };
}

const echo = async (queue: DispatchQueue, bundle: TakenBundle) => {
  await Promise.all(bundle.run.map((request) => queue.commit(request, answerOf(request))));
};

function request(text: string, extra: Partial<NewRequest> = {}): NewRequest {
  return {
    id: inferenceId(uuidv7(), shard),
    tenant: 'default',
    model: 'echo',
    version: '1',
    priority: 'standard',
    pool: 'cpu',
    mode: 'sync',
    timeoutMs: 5_000,
    payload: encodeTensors([bytesTensor('text', [Buffer.from(text)])]),
    ...extra,
  };
}

const textOf = (settled: Settled) =>
  Buffer.from(decodeTensors(settled.outputs)[0]?.data.subarray(4) ?? []).toString();

async function call(queue: RedisInferenceQueue, r: NewRequest): Promise<Settled> {
  const { id } = await queue.submit(r);
  return queue.wait(id, r.tenant);
}

/** Nothing may stay behind but terminal records. */
async function leftovers(): Promise<string[]> {
  const keys = await redis.keys('{f:*');
  return keys.filter((key) => /:(r|p):|:outstanding$|:b-/.test(key));
}

describe('the durable queue', () => {
  it('answers each caller with its own result, small and large payloads, and leaves nothing behind', async () => {
    const queue = await gateway();
    await dispatcher(echo);
    const texts = Array.from(
      { length: 300 },
      (_, i) => `request ${i} ${'x'.repeat(i % 10 === 0 ? 20_000 : 10)}`,
    );
    const answers = await Promise.all(texts.map((text) => call(queue, request(text))));
    expect(answers.map(textOf)).toEqual(texts.map((text) => text.toUpperCase()));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await leftovers()).toEqual([]);
    expect(await redis.get(new ShardKeys(shard).bytes)).toBe('0');
  });

  it('refuses over the bound at once, with a Retry-After, and takes again when there is room', async () => {
    const queue = await gateway(3);
    const waiting = [1, 2, 3].map((i) => call(queue, request(`${i}`)));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const refused = await call(queue, request('4')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'OVERLOADED', retryAfterS: expect.any(Number) });
    await dispatcher(echo);
    await Promise.all(waiting);
    expect(textOf(await call(queue, request('five')))).toBe('FIVE');
  });

  it('refuses jobs of a tenant whose kept results fill their share, and nobody else', async () => {
    const queue = await gateway();
    await dispatcher(echo);
    const job = (tenant: string) =>
      request('x'.repeat(3_000), { tenant, idempotency: { key: uuidv7(), bodyHash: 'h' } });
    const ends = [];
    for (let i = 0; i < 5; i += 1) ends.push(await call(queue, job('a')).catch((error: unknown) => error));
    expect(ends.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => expect.objectContaining({ outcome: expect.anything() }))); // prettier-ignore
    expect(ends[4]).toMatchObject({ code: 'OVERLOADED', details: { reason: 'kept', max_bytes: 10_000 }, retryAfterS: expect.any(Number) }); // prettier-ignore
    await expect(call(queue, job('b'))).resolves.toBeDefined();
    await expect(call(queue, request('plain', { tenant: 'a' }))).resolves.toBeDefined();
  });

  it('runs one of many calls with the same key, over two gateways, and tells all the same', async () => {
    const [a, b] = [await gateway(), await gateway()];
    let runs = 0;
    await dispatcher(async (queue, bundle) => {
      runs += bundle.run.length;
      await echo(queue, bundle);
    });
    const keyed = () => request('same', { idempotency: { key: 'k1', bodyHash: 'h' } });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(i % 2 ? a : b, keyed())));
    expect(new Set(answers.map(textOf))).toEqual(new Set(['SAME']));
    expect(runs).toBe(1);
    expect(textOf(await call(a, keyed()))).toBe('SAME');
    const other = call(b, request('other', { idempotency: { key: 'k1', bodyHash: 'other' } }));
    await expect(other).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('leaves the first call its time when a repeated one has less, at this gateway and at another', async () => {
    const [a, b] = [await gateway(), await gateway()];
    const keyed = (timeoutMs: number) =>
      request('slow', { timeoutMs, idempotency: { key: 'k', bodyHash: 'h' } });
    const first = call(a, keyed(5_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const others = [call(a, keyed(100)), call(b, keyed(100)), call(b, keyed(5_000))];
    await new Promise((resolve) => setTimeout(resolve, 200));
    await dispatcher(echo);
    expect((await Promise.all([first, ...others])).map(textOf)).toEqual(['SLOW', 'SLOW', 'SLOW', 'SLOW']);
  });

  it('refuses a key that comes with another body while the first is in flight', async () => {
    const queue = await gateway();
    const first = call(queue, request('one', { idempotency: { key: 'k', bodyHash: 'one' } }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = call(queue, request('two', { idempotency: { key: 'k', bodyHash: 'two' } }));
    await expect(second).rejects.toMatchObject({ code: 'CONFLICT' });
    await dispatcher(echo);
    await first;
  });

  it('ends a request at its deadline when nobody runs it, and never runs it afterwards', async () => {
    const queue = await gateway();
    const settled = await call(queue, request('late', { timeoutMs: 200 }));
    expect(settled.outcome).toMatchObject({ status: 'timeout', error: { code: 'TIMEOUT' } });
    let runs = 0;
    await dispatcher(async (_queue, bundle) => {
      runs += bundle.run.length;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(runs).toBe(0);
    expect(await leftovers()).toEqual([]);
  });

  it('leaves the key of a request that timed out free for another execution', async () => {
    const queue = await gateway();
    const keyed = (text: string) =>
      request(text, { timeoutMs: 150, idempotency: { key: 'k', bodyHash: text } });
    expect((await call(queue, keyed('one'))).outcome.status).toBe('timeout');
    await dispatcher(echo);
    expect(textOf(await call(queue, keyed('two')))).toBe('TWO');
  });

  it('cancels what waits: it never runs and its place is given back', async () => {
    const queue = await gateway();
    const r = request('never', { mode: 'job' });
    await queue.submit(r);
    expect(await queue.cancel(r.id, 'default')).toMatchObject({
      outcome: { status: 'cancelled', model: 'echo', version: '1' },
    });
    expect(await queue.cancel(r.id, 'somebody-else')).toBeUndefined();
    let runs = 0;
    await dispatcher(async (_queue, bundle) => {
      runs += bundle.run.length;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(runs).toBe(0);
    expect(await leftovers()).toEqual([]);
  });

  it('refuses a commit of an owner whose lock is over', async () => {
    const queue = await gateway();
    const committed: boolean[] = [];
    await dispatcher(async (dispatch, bundle) => {
      const [r] = bundle.run as [TakenRequest];
      committed.push(await dispatch.commit({ ...r, lock: 'not-mine' }, answerOf(r)));
      committed.push(await dispatch.commit({ ...r, epoch: r.epoch + 1 }, answerOf(r)));
      committed.push(await dispatch.commit(r, answerOf(r)));
      committed.push(await dispatch.commit(r, answerOf(r)));
    });
    expect(textOf(await call(queue, request('mine')))).toBe('MINE');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(committed).toEqual([false, false, true, false]);
  });

  it('lets another gateway wait for a request, and read its tokens', async () => {
    const [a, b] = [await gateway(), await gateway()];
    let go!: () => void;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    await dispatcher(async (queue, bundle) => {
      const [r] = bundle.run as [TakenRequest];
      await queue.appendTokens(r, [{ id: r.id, epoch: 0, offset: 0, tokens: [5, 6], text: 'hel' }]);
      await gate;
      await echo(queue, bundle);
    });
    const r = request('hello', { mode: 'stream' });
    await a.submit(r);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await b.tokens(r.id, 'default', 0)).toMatchObject([{ offset: 0, text: 'hel' }]);
    const answer = b.wait(r.id, 'default');
    await new Promise((resolve) => setTimeout(resolve, 100));
    go();
    expect(textOf(await answer)).toBe('HELLO');
    expect(textOf(await a.wait(r.id, 'default'))).toBe('HELLO');
    await expect(b.wait(r.id, 'other')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('a gateway and a dispatcher that start before their Redis work with it once it is there', async () => {
  await server.kill('SIGKILL');
  const retryOnce = async (queue: DispatchQueue, bundle: TakenBundle) => {
    const [taken] = bundle.run;
    if (taken?.rerun) await echo(queue, bundle);
    else if (taken) await queue.retry(taken, [], 0);
  };
  const starting = Promise.all([gateway(), dispatcher(retryOnce)]);
  // Several attempts to connect are refused meanwhile.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await server.restart();
  const [queue] = await starting;
  expect(textOf(await call(queue, request('late')))).toBe('LATE');
});
