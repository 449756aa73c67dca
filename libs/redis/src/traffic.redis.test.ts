import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@frontier/contracts/errors';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import { createLogger } from '@frontier/kit/logger';
import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from './testing/redis-server.ts';
import { TRAFFIC, TrafficStore } from './traffic.ts';
import { TrafficWatch } from './traffic-watch.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const stable = (model: string, version = '1'): Omit<ModelTraffic, 'epoch'> => ({ model, stable: version, blocked: [], rollout: null, shadow: null, experiment: null }); // prettier-ignore
const now = () => performance.now();

let server: TestRedis;
let redis: Redis;
let store: TrafficStore;
const watches: TrafficWatch[] = [];
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  store = new TrafficStore(redis);
});
afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.stop();
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function watching(name = '', onChange?: (record: ModelTraffic) => void): Promise<TrafficWatch> {
  const watch = new TrafficWatch({ redisUrl: server.servicesUrl, name, log, ...(onChange && { onChange }) });
  await watch.start();
  watches.push(watch);
  return watch;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

async function errorOf(call: Promise<unknown>): Promise<AppError> {
  return call.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as AppError,
  );
}

describe('the store', () => {
  it('changes a record only for who has seen it', async () => {
    expect(await store.get('m')).toBeUndefined();
    const first = await store.put(stable('m'), 0);
    expect(await errorOf(store.put(stable('m', '2'), 0))).toMatchObject({ code: 'CONFLICT', details: { expected: 0, found: first.epoch } }); // prettier-ignore
    const second = await store.put(stable('m', '2'), first.epoch);
    expect(second).toEqual({ ...stable('m', '2'), epoch: expect.any(Number) as number });
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(await store.get('m')).toEqual(second);
    await store.put(stable('other'), 0);
    expect((await store.list()).map(({ model }) => model).sort()).toEqual(['m', 'other']);
  });

  it('lets one of many writers win', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.put(stable('m', String(i)), 0))); // prettier-ignore
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('refuses what is no record, and hides no others behind one', async () => {
    expect(await errorOf(store.put(stable('m', ''), 0))).toMatchObject({ code: 'INVALID_INPUT' });
    await redis.hset(TRAFFIC, 'broken', 'no JSON');
    await store.put(stable('m'), 0);
    expect((await store.list()).map(({ model }) => model)).toEqual(['m']);
    expect((await watching()).get('m')?.stable).toBe('1');
  });

  it('gives higher epochs than before after Redis has lost all', async () => {
    const before = await store.put(stable('m'), 0);
    await redis.flushall();
    // The epoch is a time in milliseconds.
    await sleep(2);
    expect((await store.put(stable('m'), 0)).epoch).toBeGreaterThan(before.epoch);
  });
});

describe('a watch', () => {
  it('hears of a change at once, and tells that it obeys it', async () => {
    const heard: string[] = [];
    const watch = await watching('one', (record) => heard.push(record.stable));
    await watching('two');
    const { epoch } = await store.put(stable('m'), 0);
    await until(() => watch.get('m')?.epoch === epoch);
    const next = await store.put(stable('m', '2'), epoch);
    await until(async () => {
      const { one, two } = await store.confirmed('m');
      return one === next.epoch && two === next.epoch;
    });
    expect(watch.get('m')).toEqual(next);
    expect(heard).toEqual(['1', '2']);
  });

  it('finds by its poll what was published to nobody', async () => {
    const watch = await watching();
    const { epoch } = await store.put(stable('m'), 0);
    await until(() => watch.get('m') !== undefined);
    const lost = { ...stable('m', '9'), epoch: epoch + 1 };
    await redis.hset(TRAFFIC, 'm', JSON.stringify(lost), '*', String(epoch + 1));
    await until(() => watch.get('m')?.stable === '9');
  });

  it('never goes back, neither by a late message nor by an older record', async () => {
    const watch = await watching();
    const { epoch } = await store.put(stable('m', '2'), 0);
    await until(() => watch.get('m') !== undefined);
    const older = JSON.stringify({ ...stable('m', '1'), epoch: epoch - 1 });
    await redis.publish(TRAFFIC, older);
    await redis.publish(TRAFFIC, 'no JSON');
    await redis.hset(TRAFFIC, 'm', older, '*', String(epoch + 5));
    await store.put(stable('marker'), 0);
    await until(() => watch.get('marker') !== undefined);
    await sleep(300);
    expect(watch.get('m')?.stable).toBe('2');
  });

  it('is not fresh while Redis is frozen or gone, and is again when it is back', async () => {
    const watch = await watching();
    await store.put(stable('m'), 0);
    await until(() => watch.get('m') !== undefined);
    expect(watch.fresh(now())).toBe(true);
    await server.kill('SIGSTOP');
    await until(() => !watch.fresh(now()));
    await server.kill('SIGCONT');
    await until(() => watch.fresh(now()));
    await server.kill('SIGKILL');
    await until(() => !watch.fresh(now()));
    expect(watch.get('m')?.stable).toBe('1');
    await server.restart();
    await until(() => watch.fresh(now()));
    // Its subscription is back, too, or its poll makes up for it.
    const { epoch } = (await store.get('m')) as ModelTraffic;
    await store.put(stable('m', '2'), epoch);
    await until(() => watch.get('m')?.stable === '2');
  });

  it('is forgotten by the controller some time after it has gone', async () => {
    await watching('gone');
    await watching('stays');
    await store.put(stable('m'), 0);
    await until(async () => ((await store.confirmed('m'))['gone'] ?? 0) > 0);
    await watches.shift()?.stop();
    await until(async () => (await store.confirmed('m'))['gone'] === undefined);
    expect((await store.confirmed('m'))['stays']).toBeGreaterThan(0);
  });
});

describe('what was found about a shadow', () => {
  it('adds up over all processes', async () => {
    const [one, two] = [await watching(), await watching()];
    const results = { same: 3, different: 1, failed: 0, shed: 0, unpaired: 0 };
    const latency = { stable: { '0.05': 4 }, candidate: { '0.05': 1, '+Inf': 3 } };
    await Promise.all([one, two].map((watch) => watch.reportShadow('s', { results, difference: { '0': 3, '0.1': 1 }, latency }))); // prettier-ignore
    expect(await store.shadow('s')).toEqual({
      results: { ...results, same: 6, different: 2 },
      difference: { '0': 6, '0.1': 2 },
      latency: { stable: { '0.05': 8 }, candidate: { '0.05': 2, '+Inf': 6 } },
    });
    expect((await store.shadow('other')).results.same).toBe(0);
  });
});
