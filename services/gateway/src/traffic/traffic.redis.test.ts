import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleTenantResolver } from '@frontier/contracts/tenant';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import { connect, disconnect, whenReady } from '@frontier/redis/connection';
import { Lab } from '@frontier/redis/testing/lab';
import { startRedis, type TestRedis } from '@frontier/redis/testing/redis-server';
import { TrafficStore } from '@frontier/redis/traffic';
import { TrafficWatch } from '@frontier/redis/traffic-watch';
import { Registry } from 'prom-client';
import { shape } from '../config.ts';
import { Gateway } from '../service.ts';
import { FakeRelay } from '../testing/fake-relay.ts';
import { testCatalogue } from '../testing/models.ts';

const log = createLogger({ service: 'gateway', level: 'silent' });
const ROW = Array.from({ length: 16 }, (_, i) => i);
const SIMPLE = { model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ROW] } };
const { spec, dir } = testCatalogue.get('simple') as StoredModel;
const versions = ['1', '2'].map((version) => ({ spec: { ...spec, version }, dir }));

let lab: Lab;
/** Of traffic alone, so that it can go away without the queue. */
let other: TestRedis;
const stops: Array<() => Promise<void>> = [];
beforeAll(async () => {
  [lab, other] = await Promise.all([Lab.start(), startRedis()]);
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await lab.clear();
});
afterAll(() => Promise.all([lab.stop(), other.stop()]));

async function startGateway(
  name: string,
  trafficUrl = lab.server.url,
  catalogue = new Catalogue(versions),
): Promise<string> {
  // prettier-ignore
  const env = { HOST: '127.0.0.1', HTTP_PORT: '0', GRPC_PORT: '0', DRAIN_MS: '2000', NOTICE_MS: '0' };
  const traffic = new TrafficWatch({
    redisUrl: trafficUrl,
    name,
    log,
    onChange: (record) => gateway.trafficChanged(record),
  });
  const gateway: Gateway = new Gateway(parseEnv(shape, env), {
    queue: await lab.gateway(),
    relay: new FakeRelay(),
    tenants: new SingleTenantResolver('default'),
    catalogue,
    traffic,
    log,
    registry: new Registry(),
  });
  await traffic.start();
  await gateway.start();
  stops.push(async () => {
    await gateway.stop();
    await traffic.stop();
  });
  return `http://127.0.0.1:${gateway.ports.http}`;
}

async function versionOf(url: string, user: string = randomUUID()): Promise<string> {
  const response = await fetch(`${url}/v1/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': user },
    body: JSON.stringify(SIMPLE),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { data: { version: string } }).data.version;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

const record = (share: number): Omit<ModelTraffic, 'epoch'> => ({
  model: 'simple',
  stable: '1',
  blocked: [],
  rollout: { id: 'r', salt: 's', mode: 'canary', canary: '2', share },
  shadow: null,
  experiment: null,
});

describe('a weight of 0', () => {
  it('is in force on all gateways within a second, and is confirmed by all of them', async () => {
    const store = new TrafficStore(lab.redis);
    const { epoch } = await store.put(record(10_000), 0);
    const urls = [await startGateway('one'), await startGateway('two')];
    await lab.dispatcher();
    for (const url of urls) expect(await versionOf(url)).toBe('2');
    const next = await store.put(record(0), epoch);
    const put = performance.now();
    await until(async () => {
      const { one, two } = await store.confirmed('simple');
      return one === next.epoch && two === next.epoch;
    });
    // The published bound itself: behind it whoever has not confirmed sends everything to stable.
    expect(performance.now() - put).toBeLessThan(1_000);
    for (const url of urls) expect(await versionOf(url)).toBe('1');
  });
});

describe('two gateways', () => {
  it('give every user the same side', async () => {
    await new TrafficStore(lab.redis).put(record(5_000), 0);
    const [one, two] = [await startGateway('one'), await startGateway('two')];
    await lab.dispatcher();
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
    const [here, there] = await Promise.all([one, two].map((url) => Promise.all(users.map((user) => versionOf(url, user))))); // prettier-ignore
    expect(here).toEqual(there);
    expect(new Set(here)).toEqual(new Set(['1', '2']));
  });
});

describe('a gateway that hears nothing of its traffic', () => {
  it('sends everything to stable, until it does again', async () => {
    const redis = connect({ url: other.url, name: 'test', log });
    await whenReady(redis, 5_000);
    await new TrafficStore(redis).put(record(10_000), 0);
    await disconnect(redis);
    const url = await startGateway('one', other.url);
    await lab.dispatcher();
    expect(await versionOf(url)).toBe('2');
    await other.kill('SIGSTOP');
    await until(async () => (await versionOf(url)) === '1');
    await other.kill('SIGCONT');
    await until(async () => (await versionOf(url)) === '2');
  });
});

describe('a version that is published later', () => {
  it('gets its part as soon as this gateway has it', async () => {
    await new TrafficStore(lab.redis).put(record(10_000), 0);
    const catalogue = new Catalogue(versions.slice(0, 1));
    const url = await startGateway('one', lab.server.url, catalogue);
    await lab.dispatcher();
    expect(await versionOf(url)).toBe('1');
    catalogue.replace(versions);
    expect(await versionOf(url)).toBe('2');
  });
});
