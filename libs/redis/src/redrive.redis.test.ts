import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import type { DeadLetter } from '@frontier/contracts/dead-letter';
import { AppError } from '@frontier/contracts/errors';
import { queuePoliciesSchema, type Shard } from '@frontier/contracts/queue';
import { encodeSettled, type Bundle, type NewRequest, type Outcome } from '@frontier/contracts/request';
import { createLogger } from '@frontier/kit/logger';
import { DeadLetters } from './dead-letters.ts';
import { refOf, ShardKeys } from './keys.ts';
import { queueMetrics } from './metrics.ts';
import { Redriver, RedriveSchedule, type RedriverOptions } from './redrive.ts';
import { refusal } from './refusal.ts';
import { ShardProducers } from './shard-producers.ts';
import { deadLetter } from './testing/dead-letter.ts';
import { startRedis, type TestRedis } from './testing/redis-server.ts';

const shard: Shard = { priority: 'standard', pool: 'cpu', index: 0 };
const keys = new ShardKeys(shard);
const log = createLogger({ service: 'test', level: 'silent' });
const payload = Buffer.from('the inputs');

let server: TestRedis;
let redis: Redis;
let letters: DeadLetters;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  letters = new DeadLetters({ redis, shard, log });
});

function producing(bound = 1000): ShardProducers {
  return new ShardProducers({
    redis,
    gateway: '',
    policies: queuePoliciesSchema.parse({ standard: { bound } }),
    shards: 1,
    keptBytes: 1e6,
    replication: { replicas: 0, timeoutMs: 1000 },
    metrics: queueMetrics(new Registry()),
  });
}

/** Takes or refuses as it likes. */
function submitting(submit: (request: NewRequest) => Promise<unknown>): RedriverOptions['producers'] {
  return { submit, checkMemory: () => undefined };
}

async function stored(extra: Partial<DeadLetter> = {}, bytes: Buffer = payload): Promise<DeadLetter> {
  const { id } = deadLetter(shard, 'transient', extra);
  await letters.add({ ...deadLetter(shard, 'transient', extra), id }, bytes);
  return (await letters.get(id)) as DeadLetter;
}

/** Requests that a dispatcher would run: enqueued, and owned by the job that carries them. */
async function enqueued() {
  const jobs = await redis.lrange(`${keys.prefix}:main:wait`, 0, -1);
  const found = [];
  for (const job of jobs) {
    const bundle = JSON.parse((await redis.hget(`${keys.prefix}:main:${job}`, 'data')) as string) as Bundle;
    for (const request of bundle.requests) {
      const owner = await redis.hget(keys.recordPrefix + refOf(request.tenant, request.id), 'owner');
      if (owner === `main:${job}`) found.push({ ...request, gateway: bundle.gateway });
    }
  }
  return found;
}

function end(letter: DeadLetter, status: Outcome['status']): Promise<unknown> {
  const blob = encodeSettled({
    outcome: { status, model: 'echo', version: '1' },
    outputs: new Uint8Array(0),
  });
  return redis.set(keys.terminalPrefix + refOf(letter.tenant, letter.id), blob);
}

describe('a redrive', () => {
  it.each([
    ['small', payload],
    ['large', Buffer.alloc(50_000, 'x')],
  ])('runs a letter with a %s payload as a new job with all of its attempts', async (_, bytes) => {
    const letter = await stored({ kind: 'permanent' }, bytes);
    letter.request.params = { seed: 7 };
    letter.request.failures = [{ at: 1, error: letter.error }];
    const id = await new Redriver({ redis, letters, producers: producing() }).redrive(letter, 60_000);
    expect(id).not.toBe(letter.id);
    const [request, ...others] = await enqueued();
    expect(others).toEqual([]);
    expect(request).toMatchObject({ id, mode: 'job', gateway: '', params: { seed: 7 }, redriveOf: letter.id, redrives: 1 }); // prettier-ignore
    expect(request?.failures).toBeUndefined();
    const inputs =
      request?.inline === undefined
        ? await redis.getBuffer(keys.payloadPrefix + refOf('default', id))
        : Buffer.from(request.inline, 'base64');
    expect(inputs).toEqual(bytes);
    const record = await redis.hgetall(keys.recordPrefix + refOf('default', id));
    expect(record).toMatchObject({ crashes: '0', epoch: '0', mode: 'job', keep: String(24 * 3_600_000) });
    const left = Number(record['deadline']) - Date.now();
    expect(left > 50_000 && left <= 60_000).toBe(true);
    expect([await letters.size(), await redis.exists(keys.letterPayloadPrefix + refOf('default', letter.id))]).toEqual([0, 0]); // prettier-ignore
  });

  it('by several at once is one execution', async () => {
    const letter = await stored();
    const redrivers = Array.from(
      { length: 5 },
      () => new Redriver({ redis, letters, producers: producing() }),
    );
    const ids = await Promise.allSettled(redrivers.flatMap((r) => [r.redrive(letter), r.redrive(letter)]));
    const fulfilled = ids.filter((one) => one.status === 'fulfilled').map((one) => one.value);
    expect(new Set(fulfilled).size).toBe(1);
    expect(new Set((await enqueued()).map(({ id }) => id))).toEqual(new Set(fulfilled));
    expect(await redis.zcard(keys.outstanding)).toBe(1);
    await expect(redrivers[0]?.redrive(letter)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('that was lost between enqueueing and removing is finished by the next one, not repeated', async () => {
    const letter = await stored();
    const real = producing();
    const dying = submitting(async (request) => {
      await real.submit(request);
      throw new Error('lost');
    });
    await expect(new Redriver({ redis, letters, producers: dying }).redrive(letter)).rejects.toThrow('lost');
    const [first] = await enqueued();
    expect(await letters.has(letter.id)).toBe(true);
    const id = await new Redriver({ redis, letters, producers: producing() }).redrive(letter);
    expect(id).toBe(first?.id);
    expect([(await enqueued()).length, await letters.size()]).toEqual([1, 0]);
  });

  it('that the queue refuses leaves the letter', async () => {
    const [first, second] = [await stored(), await stored()];
    const redriver = new Redriver({ redis, letters, producers: producing(1) });
    await redriver.redrive(first);
    await expect(redriver.redrive(second)).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect([await letters.has(first.id), await letters.has(second.id)]).toEqual([false, true]);
  });

  it('waits while Redis is short of memory', async () => {
    const letter = await stored();
    const checkMemory = () => {
      throw refusal('memory', { shard, retryAfterS: 1 });
    };
    const producers = { ...submitting(() => Promise.resolve()), checkMemory };
    const redriver = new Redriver({ redis, letters, producers });
    await expect(redriver.redrive(letter)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await letters.has(letter.id)).toBe(true);
  });

  it('needs the payload', async () => {
    const redriver = new Redriver({ redis, letters, producers: producing() });
    const none = await stored({}, Buffer.alloc(0));
    const expired = await stored({}, Buffer.alloc(10_000));
    await redis.del(keys.letterPayloadPrefix + refOf('default', expired.id));
    const unreadable = await stored({ kind: 'unreadable' });
    for (const letter of [none, expired, unreadable]) {
      const refused = { code: 'CONFLICT', details: { reason: 'no_payload' } };
      await expect(redriver.redrive(letter)).rejects.toMatchObject(refused);
    }
    expect(await letters.size()).toBe(3);
  });

  it('waits for the end of the first run, and does not repeat what has an answer', async () => {
    const redriver = new Redriver({ redis, letters, producers: producing() });
    const [live, answered, failed] = [await stored(), await stored(), await stored()];
    await redis.hset(keys.recordPrefix + refOf('default', live.id), 'state', 'waiting');
    await end(answered, 'completed');
    await end(failed, 'failed');
    await expect(redriver.redrive(live)).rejects.toMatchObject({ details: { reason: 'live' } });
    await expect(redriver.redrive(answered)).rejects.toMatchObject({ details: { reason: 'answered' } });
    expect(await letters.has(answered.id)).toBe(false);
    expect((await enqueued()).length).toBe(0);
    await redriver.redrive(failed);
    expect((await enqueued()).map(({ redriveOf }) => redriveOf)).toEqual([failed.id]);
  });
});

describe('the scheduled redrive', () => {
  const schedule = (
    producers: RedriverOptions['producers'] = producing(),
    extra: Partial<ConstructorParameters<typeof RedriveSchedule>[0]> = {},
  ) =>
    new RedriveSchedule({
      redis,
      letters,
      redriver: new Redriver({ redis, letters, producers }),
      bound: 1000,
      log,
      signal: new AbortController().signal,
      ...extra,
    });
  const nextHour = () => redis.del(keys.redriving);
  const past = { diedAt: Date.now() - 60_000 };

  it('takes transient causes only, oldest first, once an hour whoever runs it, and forgets what is old', async () => {
    const [first, second] = [await stored(past), await stored(past)];
    const others = [];
    for (const kind of ['deadline', 'crash', 'permanent', 'unreadable'] as const)
      others.push(await stored({ ...past, kind }));
    const old = others.pop() as DeadLetter;
    await redis.zadd(keys.letters, Date.now() - 8 * 24 * 3_600_000, refOf('default', old.id));
    await Promise.all([schedule().run(), schedule().run(), schedule().run()]);
    expect((await enqueued()).map(({ redriveOf }) => redriveOf).reverse()).toEqual([first.id, second.id]);
    expect((await letters.list({ limit: 10 })).letters.map(({ id }) => id)).toEqual(others.map(({ id }) => id)); // prettier-ignore
    const later = await stored(past);
    await schedule().run();
    expect(await letters.has(later.id)).toBe(true);
    await nextHour();
    await schedule().run();
    expect(await letters.has(later.id)).toBe(false);
    const clock = await redis.pttl(keys.redriving);
    expect(clock > 3_500_000 && clock <= 3_600_000).toBe(true);
  });

  it('tries once an hour, five times in a row, and then leaves it to a person', async () => {
    let letter = await stored(past);
    const tried: number[] = [];
    const failing = submitting(async ({ id, redrives = 0 }) => {
      tried.push(redrives);
      const again = deadLetter(shard, 'transient', { id });
      letter = { ...again, request: { ...again.request, redrives } };
      await letters.add(letter, payload);
    });
    const triedAfter: number[] = [];
    for (let hour = 0; hour < 7; hour += 1) {
      await nextHour();
      await schedule(failing).run();
      triedAfter.push(tried.length);
    }
    expect(triedAfter).toEqual([1, 2, 3, 4, 5, 5, 5]);
    expect(tried).toEqual([1, 2, 3, 4, 5]);
    expect(await letters.has(letter.id)).toBe(true);
  });

  it('ends at the first refusal of the queue, but passes over a tenant or model that is refused', async () => {
    const refused: Record<string, 'tenant' | 'unserved' | 'full'> = {
      greedy: 'tenant',
      b: 'unserved',
      c: 'full',
    };
    for (const extra of [
      { tenant: 'greedy' },
      { tenant: 'greedy' },
      { model: 'b' },
      { model: 'b' },
      {},
      { model: 'c' },
      {},
    ])
      // prettier-ignore
      await stored({ ...past, ...extra });
    const asked: string[] = [];
    const choosy = submitting(({ tenant, model }) => {
      asked.push(`${tenant}/${model}`);
      const reason = refused[tenant] ?? refused[model];
      return reason ? Promise.reject(refusal(reason, { shard, retryAfterS: 1 })) : Promise.resolve();
    });
    await schedule(choosy).run();
    expect(asked).toEqual(['greedy/echo', 'default/b', 'default/echo', 'default/c']);
    expect(await letters.size()).toBe(6);
  });

  it('leaves most of the queue to others, and fails without noise when Redis does', async () => {
    for (let i = 0; i < 5; i += 1) await stored(past);
    await schedule(producing(8), { bound: 8 }).run();
    expect(await letters.size()).toBe(3);
    const broken = submitting(() => Promise.reject(new AppError('UNAVAILABLE', 'away')));
    await nextHour();
    await schedule(broken).run();
    expect(await letters.size()).toBe(3);
    const gone = new Redis(server.url, { lazyConnect: true, enableOfflineQueue: false });
    await expect(schedule(broken, { redis: gone }).run()).resolves.toBeUndefined();
    gone.disconnect();
  });

  it('stops when its process does', async () => {
    for (let i = 0; i < 5; i += 1) await stored(past);
    const stopping = new AbortController();
    const last = submitting(() => Promise.resolve(stopping.abort()));
    await schedule(last, { signal: stopping.signal }).run();
    expect(await letters.size()).toBe(4);
  });
});
