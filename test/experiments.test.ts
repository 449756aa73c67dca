import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { Experiment } from '@frontier/contracts/experiment';
import { rolloutPolicySchema } from '@frontier/contracts/rollout-policy';
import { SingleTenantResolver } from '@frontier/contracts/tenant';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import type { ExperimentResult } from '@frontier/policy/experiment';
import { Lab } from '@frontier/redis/testing/lab';
import { TrafficStore } from '@frontier/redis/traffic';
import { TrafficWatch } from '@frontier/redis/traffic-watch';
import { EXIT } from '../cli/src/errors.ts';
import { run } from '../cli/src/program.ts';
import { LazyExperiments } from '../services/control/src/experiments.ts';
import { newVersion, startControl, type Harness } from '../services/control/src/testing/harness.ts';
import { shape } from '../services/gateway/src/config.ts';
import { Gateway } from '../services/gateway/src/service.ts';
import { FakeRelay } from '../services/gateway/src/testing/fake-relay.ts';
import { testCatalogue } from '../services/gateway/src/testing/models.ts';

/* Two gateways, the control service and the command line on one Redis: all sockets are real. */

jest.setTimeout(120_000);

const log = createLogger({ service: 'test', level: 'silent' });
const ROW = Array.from({ length: 16 }, (_, i) => i);
const CALL = JSON.stringify({ model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ROW] } });
const PLAN = {
  kpi: 'error_rate',
  arms: [
    { name: 'now', version: '1', share: 5_000 },
    { name: 'new', version: '2', share: 5_000 },
  ],
  effect: 0.05,
  horizon: { requests: 1_000_000, ms: 86_400_000 },
};
const why = ['--why', 'a test'];
const entry = { who: 'test', action: 'x', subject: 'x', before: null, after: null, why: 'x' };

let lab: Lab;
let store: LazyExperiments;
let control: Harness;
let folder: string;
let plan: string;
let urls: string[];
const stops: Array<() => Promise<void>> = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frontier-experiments-'));
  plan = await file('plan.json', PLAN);
  lab = await Lab.start();
  store = new LazyExperiments({ redisUrl: lab.server.url, log });
  control = await startControl({}, () => store.open());
  for (const who of ['operator', 'viewer'] as const) await file(who, await control.key(who, who));
  for (const version of ['1', '2', '3']) await register(version);
  urls = [await startGateway('one'), await startGateway('two')];
  // Every second call of version 2 fails.
  let calls = 0;
  await lab.dispatcher({
    endOf: ({ version }) =>
      version === '2' && (calls += 1) % 2 === 0
        ? { status: 'failed', error: { code: 'UPSTREAM_ERROR', message: 'it failed' } }
        : {},
  });
});
afterAll(async () => {
  for (const stop of stops) await stop();
  await control.stop();
  await store.stop();
  await lab.clear();
  await lab.stop();
  await rm(folder, { recursive: true });
});

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** Version 3 stays in staging, 1 is in production. */
async function register(version: string): Promise<void> {
  const { registry } = control.stores;
  const { why: _, ...body } = newVersion('simple', version, { digest: `sha256:${version.repeat(64)}` });
  await registry.register(body as never, entry);
  await registry.move('simple', version, 'draft', 'staging', entry);
  if (version !== '3') await registry.move('simple', version, 'staging', 'approved', entry);
  if (version === '1') await registry.move('simple', version, 'approved', 'production', entry);
}

async function startGateway(name: string): Promise<string> {
  const { spec, dir } = testCatalogue.get('simple') as StoredModel;
  const traffic = new TrafficWatch({
    redisUrl: lab.server.url,
    name,
    log,
    onChange: (record) => gateway.trafficChanged(record),
  });
  const env = { HOST: '127.0.0.1', HTTP_PORT: '0', GRPC_PORT: '0', DRAIN_MS: '2000', NOTICE_MS: '0' };
  const gateway: Gateway = new Gateway(parseEnv(shape, env), {
    queue: await lab.gateway(),
    relay: new FakeRelay(),
    tenants: new SingleTenantResolver('default'),
    catalogue: new Catalogue(['1', '2'].map((version) => ({ spec: { ...spec, version }, dir }))),
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

/** Of each user in turn, at both gateways. The statuses. */
async function call(count: number, users: number): Promise<number[]> {
  const statuses: number[] = [];
  let next = 0;
  const work = async () => {
    for (let i = (next += 1); i <= count; i = next += 1) {
      const response = await fetch(`${urls[i % 2]}/v1/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-user-id': `user-${i % users}` },
        body: CALL,
      });
      await response.text();
      statuses.push(response.status);
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));
  return statuses;
}

/** What a busy queue refuses says nothing about a version. */
const ran = (status: number) => status !== 429 && status !== 503;

async function as(who: 'operator' | 'viewer', ...args: string[]) {
  const result = { code: 0, out: '', err: '' };
  result.code = await run(args, {
    env: { FRONTIER_URL: control.url, FRONTIER_KEY_FILE: join(folder, who) },
    stdin: Readable.from([]),
    stdout: { write: (text) => (result.out += text) },
    stderr: { write: (text) => (result.err += text) },
    signal: new AbortController().signal,
  });
  return result;
}

const rows = <T>({ out }: { out: string }) => out.trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line) as T); // prettier-ignore

type Shown = Experiment & { result: ExperimentResult };

async function shown(id: string): Promise<Shown> {
  const [found] = rows<Shown>(await as('viewer', 'experiments', 'result', id, '--json'));
  return found as Shown;
}

const requestsOf = ({ result }: Shown) => result.arms.reduce((sum, { requests }) => sum + requests, 0);

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

/** Both gateways obey what is in force. */
async function obeyed(): Promise<void> {
  const traffic = new TrafficStore(lab.redis);
  const epoch = (await traffic.get('simple'))?.epoch ?? 0;
  await until(async () => {
    const { one = 0, two = 0 } = await traffic.confirmed('simple');
    return one >= epoch && two >= epoch;
  });
}

test('an experiment is started, counted by all gateways, told, and stopped', async () => {
  const refused = await as('viewer', 'experiments', 'start', 'simple', '--plan', plan, ...why);
  expect([refused.code, refused.err]).toEqual([EXIT.forbidden, expect.stringContaining('operator')]);

  const started = await as('operator', 'experiments', 'start', 'simple', '--plan', plan, '--json', ...why);
  expect([started.code, started.err]).toEqual([0, expect.stringContaining('started')]);
  const [{ id } = { id: '' }] = rows<{ id: string }>(started);
  await obeyed();
  // Each arm has to get 1,000, with whatever luck.
  const statuses = (await call(2_400, 2_400)).filter(ran);
  const failed = statuses.filter((status) => status !== 200).length;
  expect(failed).toBeGreaterThan(500);

  await until(async () => requestsOf(await shown(id)) === statuses.length);
  const { result } = await shown(id);
  const [now, next] = result.arms;
  expect(now).toMatchObject({ name: 'now', value: 0 });
  expect(next).toMatchObject({ name: 'new', value: failed / (next?.requests ?? 0), comparison: { verdict: 'worse' } }); // prettier-ignore
  expect(result.status).toBe('ended');
  const told = await as('viewer', 'experiments', 'result', id);
  expect(told.out).toContain('worse than now');
  expect(told.out).toContain('Keep now: no arm is proven better.');

  const second = await as('operator', 'experiments', 'start', 'simple', '--plan', plan, ...why);
  expect(second.err).toContain(`experiment ${id} has the traffic of simple: stop it first`);
  expect((await as('operator', 'experiments', 'stop', id, ...why)).code).toBe(0);
  await obeyed();
  expect(new Set((await call(40, 40)).filter(ran))).toEqual(new Set([200]));
  expect((await as('operator', 'experiments', 'stop', id, ...why)).err).toContain('was stopped before');
  const listed = await as('viewer', 'experiments', 'list', '--model', 'simple', '--json');
  expect(rows<object>(listed)).toMatchObject([{ id, kpi: 'error_rate' }]);
  const audited = (await control.stores.audit.list({ subject: `experiment/${id}` }, 10)).items;
  expect(audited.map(({ who, action, why }) => [who, action, why])).toEqual([
    ['operator', 'experiment.stop', 'a test'],
    ['operator', 'experiment.start', 'a test'],
  ]);
});

test('latency is summed in whole microseconds of answered calls', async () => {
  const latency = await file('latency.json', { ...PLAN, kpi: 'latency', effect: 1 });
  const started = await as('operator', 'experiments', 'start', 'simple', '--plan', latency, '--json', ...why);
  const [{ id } = { id: '' }] = rows<{ id: string }>(started);
  await obeyed();
  const answered = (await call(200, 100)).filter((status) => status === 200).length;
  await until(async () => requestsOf(await shown(id)) === answered);
  const { result } = await shown(id);
  for (const { value } of result.arms) expect(value).toBeGreaterThan(0.1);
  const fields = await lab.redis.hgetall(`f:experiment:${id}`);
  for (const [field, value] of Object.entries(fields)) if (field !== 'record') expect(value).toMatch(/^\d+$/);
  expect(await lab.redis.pttl(`f:experiment:${id}`)).toBeGreaterThan(89 * 86_400_000);
  expect((await as('operator', 'experiments', 'stop', id, ...why)).code).toBe(0);
});

test('does not start with versions that may not be served, nor beside a rollout', async () => {
  const start = async (change: object) =>
    as('operator', 'experiments', 'start', 'simple', '--plan', await file('other.json', { ...PLAN, ...change }), ...why); // prettier-ignore
  const [now] = PLAN.arms;
  const arms = (version: string) => ({ arms: [now, { name: 'new', version, share: 1 }] });
  expect((await start(arms('3'))).err).toContain('simple@3 is in staging: an arm must be approved');
  expect((await start(arms('9'))).code).toBe(EXIT.unknown);
  expect((await start({ arms: [now, now] })).err).toContain('names must differ');
  const digest = `sha256:${'2'.repeat(64)}`;
  await control.stores.rollouts.block(digest, 'ro-0', entry);
  expect((await start({})).err).toContain('simple@2 was rolled back');
  await control.stores.rollouts.unblock(digest, entry);
  const policy = rolloutPolicySchema.parse({});
  const rollout = { id: 'ro-1', model: 'simple', stable: '1', canary: '2', canaryDigest: digest, policy, salt: 's', phase: 'aa' as const, share: 0, createdAt: 1, createdBy: 'x', endedAt: null, waits: null }; // prettier-ignore
  await control.stores.rollouts.create(rollout, entry);
  expect((await start({})).err).toContain('rollout ro-1 of simple runs');
  expect((await new TrafficStore(lab.redis).get('simple'))?.experiment).toBeNull();
});
