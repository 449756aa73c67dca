import { SingleTenantResolver } from '@frontier/contracts/tenant';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { Lab, type Policies } from '@frontier/redis/testing/lab';
import { Registry } from 'prom-client';
import { shape, type Config } from './config.ts';
import { Gateway } from './service.ts';
import { FakeRelay } from './testing/fake-relay.ts';
import { FakeTraffic } from './testing/fake-traffic.ts';
import { testCatalogue } from './testing/models.ts';

const ROW = Array.from({ length: 16 }, (_, i) => i);
const SIMPLE = { model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ROW] } };
const SHARD = { priority: 'standard', pool: 'cpu', index: 0 } as const;

let lab: Lab;
const gateways: Gateway[] = [];
beforeAll(async () => {
  lab = await Lab.start();
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop();
  await lab.clear();
});
afterAll(() => lab.stop());

/** The URL of a gateway in front of the real queue. */
async function startGateway(overrides: Partial<Config> = {}, policies: Policies = {}): Promise<string> {
  const env = {
    HOST: '127.0.0.1',
    HTTP_PORT: '0',
    GRPC_PORT: '0',
    DRAIN_MS: '2000',
    NOTICE_MS: '0',
    QUEUES: JSON.stringify(policies),
  };
  const config = { ...parseEnv(shape, env), ...overrides };
  const gateway = new Gateway(config, {
    queue: await lab.gateway(policies),
    relay: new FakeRelay(),
    tenants: new SingleTenantResolver('default'),
    catalogue: testCatalogue,
    traffic: new FakeTraffic(() => undefined),
    log: createLogger({ service: 'gateway', level: 'silent' }),
    registry: new Registry(),
  });
  await gateway.start();
  gateways.push(gateway);
  return `http://127.0.0.1:${gateway.ports.http}`;
}

function post(
  url: string,
  body: object,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const outstanding = async () => (await lab.outstanding(SHARD))[0];

/** A call whose client goes as soon as it is queued. */
async function callAndGo(url: string, headers: Record<string, string> = {}): Promise<void> {
  const before = await outstanding();
  const gone = new AbortController();
  const call = post(`${url}/v1/infer`, SIMPLE, headers, gone.signal).catch(() => undefined);
  await until(async () => (await outstanding()) > before);
  gone.abort();
  await call;
}

describe('a client that goes away', () => {
  it('and repeats its key, at this gateway or another, gets the answer of its one execution', async () => {
    const [a, b] = [await startGateway(), await startGateway()];
    const key = { 'idempotency-key': 'k' };
    await callAndGo(a, key);
    let runs = 0;
    const again = [post(`${b}/v1/infer`, SIMPLE, key), post(`${a}/v1/infer`, SIMPLE, key)];
    await lab.dispatcher({ before: async () => void (runs += 1) });
    const answers = await Promise.all(again);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ headers }) => headers.get('idempotent-replayed'))).toEqual(['true', 'true']);
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { data: { id: string } }).data.id)); // prettier-ignore
    expect(new Set(ids).size).toBe(1);
    expect(runs).toBe(1);
  });

  it('without a key has nothing run for it', async () => {
    const url = await startGateway();
    await callAndGo(url);
    await until(async () => (await lab.redis.keys('{f:*:s:*')).length === 1);
    let runs = 0;
    await lab.dispatcher({ before: async () => void (runs += 1) });
    await until(async () => (await outstanding()) === 0);
    expect(runs).toBe(0);
  });

  it('from a stream, and resumes it at another gateway, is not forgotten by that one', async () => {
    const [a, b] = [await startGateway({ streamGraceMs: 50 }), await startGateway({ streamGraceMs: 50 })];
    const gone = new AbortController();
    const first = await post(`${a}/v1/infer/stream`, { model: 'poet', prompt: 'x' }, {}, gone.signal);
    const id = first.headers.get('x-inference-id') as string;
    const second = await fetch(`${b}/v1/infer/stream?id=${id}`);
    gone.abort();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await lab.dispatcher();
    expect(await second.text()).toContain('event: done');

    // And when it goes from there, too, the request ends.
    const third = await post(`${b}/v1/infer/stream`, { model: 'poet', prompt: 'x', priority: 'vip' });
    const vip = third.headers.get('x-inference-id') as string;
    const fourth = new AbortController();
    await fetch(`${a}/v1/infer/stream?id=${vip}`, { signal: fourth.signal });
    await third.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 300));
    fourth.abort();
    const status = async () =>
      ((await (await fetch(`${a}/v1/jobs/${vip}`)).json()) as { data: { status: string } }).data.status;
    await until(async () => (await status()) === 'cancelled');
  });
});

describe('a full queue', () => {
  it('answers 429 with a Retry-After, and why', async () => {
    const url = await startGateway({}, { standard: { bound: 1 } });
    expect((await post(`${url}/v1/jobs`, SIMPLE)).status).toBe(202);
    const refused = await post(`${url}/v1/infer`, SIMPLE);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({
      error: { code: 'OVERLOADED', details: { reason: 'full', priority: 'standard', bound: 1 } },
    });
  });
});

describe('a call that repeats a key', () => {
  it('is not kept waiting beyond its own deadline, and does not end the first one', async () => {
    const url = await startGateway();
    const key = { 'idempotency-key': 'k' };
    const first = post(`${url}/v1/infer`, SIMPLE, key);
    await until(async () => (await outstanding()) === 1);
    const second = await post(`${url}/v1/infer`, { ...SIMPLE, deadline_ms: 100 }, key);
    expect(second.status).toBe(504);
    expect(await second.json()).toMatchObject({ error: { code: 'TIMEOUT', message: expect.stringContaining('still running') } }); // prettier-ignore
    await lab.dispatcher();
    expect((await first).status).toBe(200);
  });
});
