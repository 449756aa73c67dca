import { Redis } from 'ioredis';
import { FAILURE_KINDS, type DeadLetter, type FailureKind } from '@frontier/contracts/dead-letter';
import type { Shard } from '@frontier/contracts/queue';
import { createLogger } from '@frontier/kit/logger';
import { DeadLetters, type DeadLettersOptions } from './dead-letters.ts';
import { ShardKeys } from './keys.ts';
import { deadLetter } from './testing/dead-letter.ts';
import { startRedis, type TestRedis } from './testing/redis-server.ts';

const shard: Shard = { priority: 'standard', pool: 'cpu', index: 0 };
const { prefix } = new ShardKeys(shard);
const log = createLogger({ service: 'test', level: 'silent' });

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

const open = (extra: Partial<DeadLettersOptions> = {}) => new DeadLetters({ redis, shard, log, ...extra });

const letter = (kind: FailureKind, extra?: Partial<DeadLetter>) => deadLetter(shard, kind, extra);

/** Keys that hold a letter, its payload, or count it. */
async function traces(): Promise<string[]> {
  const keys = await redis.keys(`${prefix}:*`);
  return keys.filter((key) => /:(dead:d-|d:|letters$|dead:prioritized$)/.test(key));
}

const reserved = async () => Number((await redis.hget(`${prefix}:letter-bytes`, '*')) ?? 0);
const bytes = (length: number) => Buffer.alloc(length, 'x');

describe('dead letters', () => {
  it('lie in order of their kind of failure, then of age, and are read page by page', async () => {
    const letters = open();
    const all = [3, 1, 4, 0, 2, 0, 3, 1].map((kind) => letter(FAILURE_KINDS[kind] as FailureKind));
    for (const one of all) await letters.add(one, bytes(1));
    const inOrder = FAILURE_KINDS.flatMap((kind) => all.filter((one) => one.kind === kind));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await letters.list({ limit: 3, cursor });
      seen.push(...page.letters.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(inOrder.map(({ id }) => id));
    await expect(letters.list({ limit: 1, cursor: 'x' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('are found by kind, model, tenant and time, over more than one step', async () => {
    const letters = open();
    const wanted = letter('crash', { model: 'm', tenant: 't', diedAt: 5_000 });
    for (let i = 0; i < 120; i += 1) await letters.add(letter('crash'), bytes(1));
    await letters.add(wanted, bytes(1));
    await letters.add(letter('permanent', { model: 'm', tenant: 't', diedAt: 4_000 }), bytes(1));
    const idsOf = async (filter: object) =>
      (await letters.list({ limit: 100, ...filter })).letters.map(({ id }) => id);
    expect(await idsOf({ kind: 'crash', model: 'm' })).toEqual([wanted.id]);
    expect(await idsOf({ tenant: 't', after: 5_000 })).toEqual([wanted.id]);
    expect(await idsOf({ tenant: 't', before: 5_000, kind: 'crash' })).toEqual([]);
    expect(await idsOf({ tenant: 't' })).toHaveLength(2);
  });

  it.each([
    ['no', 0],
    ['a small', 100],
    ['a large', 100_000],
  ])('added twice with %s payload are there once, and nothing stays of those removed', async (_, size) => {
    const letters = open();
    const one = letter('transient');
    await letters.add(one, bytes(size));
    await letters.add({ ...one, kind: 'crash' }, bytes(size));
    expect([await letters.size(), await reserved()]).toEqual([1, size]);
    const found = (await letters.get(one.id)) as DeadLetter;
    expect(found).toMatchObject({ ...one, request: one.request });
    expect(await letters.payload(found)).toEqual(size === 0 ? undefined : bytes(size));
    expect(await letters.has(one.id)).toBe(true);
    expect([await letters.remove(one.id), await letters.remove(one.id)]).toEqual([true, false]);
    expect([await letters.has(one.id), await letters.get(one.id)]).toEqual([false, undefined]);
    expect([await traces(), await reserved()]).toEqual([[], 0]);
  });

  it('keep no payload that is over the budget, until there is room again', async () => {
    const letters = open({ maxPayloadBytes: 30_000 });
    const [first, second, third] = [letter('crash'), letter('crash'), letter('crash')];
    await letters.add(first, bytes(20_000));
    await letters.add(second, bytes(20_000));
    const kept = (await letters.get(second.id)) as DeadLetter;
    expect(kept.withoutPayload).toBe(true);
    expect(await letters.payload(kept)).toBeUndefined();
    await letters.remove(first.id);
    await letters.add(third, bytes(20_000));
    expect(await letters.payload((await letters.get(third.id)) as DeadLetter)).toEqual(bytes(20_000));
    expect(await reserved()).toBe(20_000);
  });

  it('are bounded in number: the oldest goes, whatever its kind', async () => {
    const letters = open({ maxCount: 3 });
    const all = (['transient', 'unreadable', 'crash', 'deadline', 'permanent'] as const).map((kind) => letter(kind)); // prettier-ignore
    for (const one of all) await letters.add(one, bytes(20_000));
    expect(await letters.size()).toBe(3);
    const there = await Promise.all(all.map(({ id }) => letters.has(id)));
    expect(there).toEqual([false, false, true, true, true]);
    expect(await reserved()).toBe(60_000);
  });

  it('expire by age, with what a crash between counting and adding left behind', async () => {
    const letters = open();
    const old = Date.now() - 8 * 24 * 3_600_000;
    const [first, second] = [letter('crash'), letter('transient')];
    for (const one of [first, second]) await letters.add(one, bytes(20_000));
    await redis.zadd(`${prefix}:letters`, old, `default:${first.id}`);
    await redis.zadd(`${prefix}:letters`, old, 'default:never-added');
    await redis.hset(`${prefix}:letter-bytes`, { 'default:never-added': 7, '*': 40_007 });
    expect(await letters.expire()).toBe(2);
    expect([await letters.has(first.id), await letters.has(second.id)]).toEqual([false, true]);
    expect(await reserved()).toBe(20_000);
    expect(await letters.expire(0)).toBe(1);
    expect([await traces(), await reserved()]).toEqual([[], 0]);
  });

  it('have a largest size, whatever is written into them', async () => {
    const letters = open();
    const error = {
      code: 'INTERNAL_ERROR',
      message: 'm'.repeat(1e6),
      details: { d: 'd'.repeat(1e6) },
    } as const;
    const one = letter('permanent', { error });
    one.request.failures = Array.from({ length: 100 }, (_, at) => ({ at, error }));
    await letters.add(one, bytes(10));
    const found = (await letters.get(one.id)) as DeadLetter;
    expect(found.request.failures?.at(-1)).toMatchObject({ at: 99 });
    expect(await letters.payload(found)).toEqual(bytes(10));
    const strange = letter('unreadable', {
      id: `a:b${'x'.repeat(500)}`,
      model: 'm'.repeat(1e6),
      withoutPayload: true,
    });
    await letters.add(strange, bytes(0));
    expect(await letters.get(strange.id)).toMatchObject({ kind: 'unreadable', withoutPayload: true });
    const lengths = await Promise.all((await redis.keys(`${prefix}:dead:d-*`)).map((key) => redis.hstrlen(key, 'data'))); // prettier-ignore
    expect(Math.max(...lengths)).toBeLessThan(200_000);
  });

  it('are read although somebody put something else between them', async () => {
    const letters = open();
    const one = letter('transient');
    await redis.zadd(`${prefix}:dead:prioritized`, 2 ** 32 + 1, 'd-gone', 2 ** 32 + 2, 'd-broken');
    await redis.hset(`${prefix}:dead:d-broken`, 'data', '{');
    await letters.add(one, bytes(1));
    expect((await letters.list({ limit: 10 })).letters.map(({ id }) => id)).toEqual([one.id]);
    expect(await letters.get('broken')).toBeUndefined();
  });
});
