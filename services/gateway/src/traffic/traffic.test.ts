import { AppError } from '@frontier/contracts/errors';
import { WHOLE, type ModelTraffic, type ShadowReport } from '@frontier/contracts/traffic';
import { InferenceClient } from '@frontier/rpc/inference-client';
import { textOutput } from '../testing/fake-queue.ts';
import { startGateway, type Harness } from '../testing/harness.ts';
import { post, refusalOf, until } from '../testing/http.ts';

let gateway: Harness;
beforeEach(async () => {
  gateway = await startGateway();
  gateway.queue.execute = () => ({ outputs: textOutput('x') });
});
afterEach(() => gateway.stop());

const CALL = { model: 'poet', prompt: 'x' };
const rollout = (share: number, mode: 'aa' | 'canary' = 'canary') => ({ id: 'r1', salt: 'salt', mode, canary: '2', share }); // prettier-ignore
const begin = (share: number, more: Partial<ModelTraffic> = {}) =>
  gateway.traffic.set({ model: 'poet', stable: '1', rollout: rollout(share), ...more });

interface Answer {
  version: string;
  variant: string;
}

async function call(user: string, body: object = CALL): Promise<Answer> {
  const response = await post(gateway, '/v1/infer', body, { 'x-user-id': user });
  expect(response.status).toBe(200);
  return ((await response.json()) as { data: Answer }).data;
}

async function callsOf(users: number): Promise<Answer[]> {
  return Promise.all(Array.from({ length: users }, (_, i) => call(`user-${i}`)));
}

/** Sum of the series with these labels. */
async function metric(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const lines = (await gateway.registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`) && Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`))); // prettier-ignore
  return lines.length === 0 ? undefined : lines.reduce((sum, line) => sum + Number(line.split('} ')[1]), 0);
}

describe('without a traffic record', () => {
  it('the highest version answers, and there are no series', async () => {
    expect(await call('u')).toMatchObject({ version: '2', variant: 'stable' });
    expect(await metric('canary_assigned_total')).toBeUndefined();
  });
});

describe('a rollout', () => {
  it('gives each variant its part, and every user the same side again', async () => {
    begin(3_000);
    const answers = await callsOf(200);
    const of = (variant: string) => answers.filter((answer) => answer.variant === variant);
    expect(of('canary').length).toBeGreaterThan(35);
    expect(of('canary').length).toBeLessThan(85);
    expect(of('control').length).toBeGreaterThan(35);
    expect(of('control').length).toBeLessThan(85);
    expect(new Set(of('canary').map(({ version }) => version))).toEqual(new Set(['2']));
    expect(new Set(answers.filter(({ variant }) => variant !== 'canary').map(({ version }) => version))).toEqual(new Set(['1'])); // prettier-ignore
    expect(await callsOf(200)).toMatchObject(answers.map(({ version, variant }) => ({ version, variant })));
    const submitted = gateway.queue.submitted.map(({ variant }) => variant);
    expect(submitted.filter((variant) => variant === 'canary')).toHaveLength(2 * of('canary').length);
  });

  it('takes nobody back while it grows, and everybody at once at weight 0', async () => {
    begin(500);
    const few = await callsOf(100);
    begin(5_000);
    const more = await callsOf(100);
    few.forEach(({ variant }, i) => variant === 'canary' && expect(more[i]?.variant).toBe('canary'));
    expect(more.filter(({ variant }) => variant === 'canary').length).toBeGreaterThan(25);
    begin(0);
    expect((await callsOf(100)).every(({ version, variant }) => version === '1' && variant === 'stable')).toBe(true); // prettier-ignore
    begin(WHOLE);
    expect((await callsOf(20)).every(({ version, variant }) => version === '2' && variant === 'canary')).toBe(true); // prettier-ignore
  });

  it('has stable on both sides in its A/A phase', async () => {
    begin(WHOLE, { rollout: rollout(WHOLE, 'aa') });
    expect(await call('u')).toMatchObject({ version: '1', variant: 'canary' });
    expect(await metric('canary_requests_total', { variant: 'canary', version: '1' })).toBe(1);
  });

  it('is over for this gateway while its records may be old', async () => {
    begin(WHOLE);
    gateway.traffic.isFresh = false;
    expect(await call('u')).toMatchObject({ version: '1', variant: 'stable' });
    expect(await metric('canary_assigned_total')).toBe(0);
    gateway.traffic.isFresh = true;
    expect(await call('u')).toMatchObject({ version: '2', variant: 'canary' });
  });

  it('leaves calls alone that name a version', async () => {
    begin(WHOLE);
    expect(await call('u', { ...CALL, version: '1' })).toMatchObject({ version: '1', variant: 'stable' });
    expect(await metric('canary_assigned_total')).toBe(0);
  });

  it('of a version that is not here gives all to stable, and says so', async () => {
    begin(WHOLE, { rollout: { ...rollout(WHOLE), canary: '9' } });
    expect(await call('u')).toMatchObject({ version: '1', variant: 'stable' });
    expect(await metric('canary_unroutable_total', { model: 'poet', version: '9' })).toBe(1);
    expect(await metric('canary_assigned_total')).toBeUndefined();
  });

  it('is told in streams, jobs, and in the list of models', async () => {
    begin(WHOLE);
    const stream = await (await post(gateway, '/v1/infer/stream', CALL)).text();
    expect(stream).toContain('"variant":"canary"');
    const job = await post(gateway, '/v1/jobs', CALL);
    const { id } = ((await job.json()) as { data: { id: string } }).data;
    await until(() => gateway.queue.outstanding === 0);
    expect(await (await fetch(`${gateway.url}/v1/jobs/${id}`)).json()).toMatchObject({ data: { version: '2', variant: 'canary' } }); // prettier-ignore
    expect(await (await fetch(`${gateway.url}/v1/models/poet`)).json()).toMatchObject({ data: { version: '1', versions: ['1', '2'] } }); // prettier-ignore
  });

  it('is told over gRPC, which takes the user from its metadata', async () => {
    begin(5_000);
    const client = new InferenceClient(gateway.grpc);
    for (const user of ['user-0', 'user-1', 'user-2', 'user-3', 'user-4', 'user-5']) {
      const metadata = { 'x-user-id': user };
      const { version, variant } = await call(user);
      expect(await client.infer(CALL, { metadata })).toMatchObject({ version, variant });
      const chunks = [];
      for await (const chunk of client.stream(CALL, { metadata })) chunks.push(chunk);
      expect(chunks.at(-1)).toMatchObject({ version, variant });
    }
    client.close();
  });

  it('refuses a user that is no name', async () => {
    for (const user of ['x'.repeat(129), 'a b']) {
      const refusal = await refusalOf(await post(gateway, '/v1/infer', CALL, { 'x-user-id': user }), 400);
      expect(refusal).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'x-user-id' } });
    }
  });
});

describe('a blocked version', () => {
  it('is refused to who names it, with the one to take, and gets no traffic', async () => {
    begin(WHOLE, { blocked: ['2'] });
    const refusal = await refusalOf(await post(gateway, '/v1/infer', { ...CALL, version: '2' }), 409);
    expect(refusal).toMatchObject({ code: 'CONFLICT', details: { reason: 'blocked', stable: '1' } });
    expect(await call('u')).toMatchObject({ version: '1', variant: 'stable' });
  });

  it('is not what answers when stable is missing', async () => {
    gateway.traffic.set({ model: 'poet', stable: '7', blocked: ['2'] });
    expect((await call('u')).version).toBe('1');
    gateway.traffic.set({ model: 'poet', stable: '7', blocked: ['2', '1'] });
    const refusal = await refusalOf(await post(gateway, '/v1/infer', CALL), 503);
    expect(refusal.code).toBe('UNAVAILABLE');
  });
});

describe('the metrics of a rollout', () => {
  const CANARY = { model: 'poet', rollout: 'r1', variant: 'canary', priority: 'standard', pool: 'cpu', version: '2' }; // prettier-ignore
  const { version: _, ...ASSIGNED } = CANARY;

  it('begin at 0 before the first call, and end with it', async () => {
    begin(500);
    for (const half of ['a', 'b']) {
      for (const variant of ['stable', 'control', 'canary']) {
        const labels = { ...ASSIGNED, variant, half };
        expect(await metric('canary_assigned_total', labels)).toBe(0);
        expect(await metric('canary_requests_total', labels)).toBe(0);
        expect(await metric('canary_errors_total', { ...labels, error_type: 'TIMEOUT' })).toBe(0);
        expect(await metric('canary_latency_seconds_count', labels)).toBe(0);
      }
    }
    expect(await metric('canary_traffic_epoch', { model: 'poet' })).toBe(1);
    begin(500, { rollout: null });
    for (const name of ['canary_assigned_total', 'canary_errors_total', 'canary_latency_seconds_bucket', 'canary_traffic_epoch']) expect(await metric(name)).toBeUndefined(); // prettier-ignore
  });

  it('count each end once', async () => {
    begin(WHOLE);
    await callsOf(5);
    gateway.queue.execute = () => {
      throw new AppError('INTERNAL_ERROR', 'broken');
    };
    expect((await post(gateway, '/v1/infer', CALL)).status).toBe(500);
    gateway.queue.execute = () => new Promise(() => undefined);
    expect((await post(gateway, '/v1/infer', { ...CALL, deadline_ms: 20 })).status).toBe(504);
    await post(gateway, '/v1/jobs', { ...CALL, deadline_ms: 20 });
    await until(() => gateway.queue.outstanding === 0);
    expect(await metric('canary_assigned_total', ASSIGNED)).toBe(8);
    expect(await metric('canary_requests_total', CANARY)).toBe(8);
    expect(await metric('canary_errors_total', { ...CANARY, error_type: 'INTERNAL_ERROR' })).toBe(1);
    expect(await metric('canary_errors_total', { ...CANARY, error_type: 'TIMEOUT' })).toBe(2);
    expect(await metric('canary_errors_total', CANARY)).toBe(3);
    expect(await metric('canary_latency_seconds_count', CANARY)).toBe(5);
  });

  it('count nobody against a version for what is not its doing', async () => {
    begin(WHOLE);
    expect((await post(gateway, '/v1/infer', { ...CALL, params: { temperature: -1 } })).status).toBe(400);
    gateway.queue.refusal = new AppError('OVERLOADED', 'full', { details: { reason: 'full' } });
    expect((await post(gateway, '/v1/infer', CALL)).status).toBe(429);
    gateway.queue.refusal = undefined;
    gateway.queue.execute = () => new Promise(() => undefined);
    const gone = new AbortController();
    const leaving = post(gateway, '/v1/infer', CALL, {}, gone.signal).catch(() => undefined);
    await until(() => gateway.queue.outstanding === 1);
    gone.abort();
    await leaving;
    await until(() => gateway.queue.outstanding === 0);
    expect(await metric('canary_assigned_total', ASSIGNED)).toBe(3);
    expect(await metric('canary_requests_total', CANARY)).toBe(0);
    expect(await metric('canary_errors_total', CANARY)).toBe(0);
  });

  it.each([
    [{ reason: 'unserved' }, 'UNAVAILABLE', 'UNAVAILABLE'],
    [{ reason: 'deadline', predicted_run_ms: 100 }, 'OVERLOADED', 'TIMEOUT'],
  ] as const)('count a refusal that is of the version: %j', async (details, code, type) => {
    begin(WHOLE);
    gateway.queue.refusal = new AppError(code, 'no', { details });
    await post(gateway, '/v1/infer', CALL);
    expect(await metric('canary_requests_total', CANARY)).toBe(1);
    expect(await metric('canary_errors_total', { ...CANARY, error_type: type })).toBe(1);
  });

  it('count what succeeded at a second try as an error of its side', async () => {
    begin(WHOLE);
    gateway.queue.execute = () => ({ outputs: textOutput('x'), outcome: { failures: 1 } });
    await call('u');
    expect(await metric('canary_errors_total', { ...CANARY, error_type: 'RETRIED' })).toBe(1);
    expect(await metric('canary_requests_total', CANARY)).toBe(1);
  });

  it('do not count who repeats a key', async () => {
    begin(WHOLE);
    const keyed = () => post(gateway, '/v1/infer', CALL, { 'idempotency-key': 'k' });
    await keyed();
    expect((await keyed()).headers.get('idempotent-replayed')).toBe('true');
    expect(await metric('canary_requests_total', CANARY)).toBe(1);
  });
});

describe('an experiment', () => {
  it('gives its arms their versions, and counts them', async () => {
    const arms = [
      { name: 'one', version: '1', share: 5_000 },
      { name: 'two', version: '2', share: 5_000 },
    ];
    gateway.traffic.set({ model: 'poet', stable: '1', experiment: { id: 'e1', salt: 's', arms } });
    const answers = await callsOf(100);
    const two = answers.filter(({ version }) => version === '2').length;
    expect(two).toBeGreaterThan(25);
    expect(two).toBeLessThan(75);
    const labels = { model: 'poet', experiment: 'e1', arm: 'two', version: '2' };
    expect(await metric('experiment_requests_total', labels)).toBe(two);
    expect(await metric('experiment_latency_seconds_count', labels)).toBe(two);
    gateway.traffic.set({ model: 'poet', stable: '1', experiment: null });
    expect(await metric('experiment_requests_total')).toBeUndefined();
  });
});

describe('a shadow', () => {
  const shadow = (share = WHOLE) => ({ id: 's1', version: '2', share });
  const LABELS = { model: 'poet', version: '2' };
  const results = async (result: string) => metric('shadow_requests_total', { ...LABELS, result });
  const foundAll = (count: number) => async () => {
    let found = 0;
    for (const result of ['same', 'different', 'failed', 'shed', 'unpaired']) found += (await results(result)) ?? 0; // prettier-ignore
    return found >= count;
  };
  async function eventually(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  it('runs a copy at low priority, and compares what comes of both', async () => {
    gateway.traffic.set({ model: 'poet', stable: '1', shadow: shadow() });
    const timing = { queue: 0, forming: 0, transport: 0, compute: 10 };
    gateway.queue.execute = ({ version }, [prompt]) => {
      const different = version === '2' && Buffer.from(prompt?.data ?? []).includes('odd');
      return { outputs: textOutput(different ? 'else' : 'the same'), outcome: { timing } };
    };
    expect((await call('u')).version).toBe('1');
    expect((await call('u', { ...CALL, prompt: 'odd' })).version).toBe('1');
    await eventually(foundAll(2));
    expect([await results('same'), await results('different')]).toEqual([1, 1]);
    expect(await metric('shadow_difference_count', LABELS)).toBe(2);
    for (const side of ['stable', 'candidate']) expect(await metric('shadow_latency_seconds_count', { ...LABELS, side })).toBe(2); // prettier-ignore
    const copies = gateway.queue.submitted.filter(({ version }) => version === '2');
    expect(copies).toMatchObject([0, 1].map(() => ({ priority: 'low', tenant: 'frontier.shadow' })));
    // Nobody's call but the two of callers is counted.
    expect(await metric('inference_latency_seconds_count')).toBe(2);
    const sum = (of: (report: ShadowReport) => number | undefined) => gateway.traffic.reports.reduce((all, { report }) => all + (of(report) ?? 0), 0); // prettier-ignore
    await eventually(async () => sum(({ results }) => results.same + results.different) === 2);
    expect(gateway.traffic.reports[0]?.id).toBe('s1');
    expect(sum(({ latency }) => latency.candidate['0.01'])).toBe(2);
    expect(sum(({ difference }) => difference['0'])).toBe(1);
  });

  it('never delays or changes the answer, whatever becomes of it', async () => {
    gateway.traffic.set({ model: 'poet', stable: '1', shadow: shadow() });
    let fate: () => object | Promise<object> = () => new Promise(() => undefined);
    gateway.queue.execute = ({ version }) => (version === '2' ? fate() : { outputs: textOutput('mine') });
    expect(await call('u', { ...CALL, deadline_ms: 100 })).toMatchObject({ version: '1', variant: 'stable', output: 'mine' }); // prettier-ignore
    fate = () => Promise.reject(new AppError('INTERNAL_ERROR', 'broken'));
    expect(await call('u')).toMatchObject({ version: '1', output: 'mine' });
    await eventually(foundAll(2));
    expect(await results('failed')).toBe(2);
  });

  it('is left out where there is no room', async () => {
    gateway.traffic.set({ model: 'poet', stable: '1', shadow: shadow() });
    gateway.queue.hasRoom = false;
    await callsOf(3);
    expect(await results('shed')).toBe(3);
    expect(gateway.queue.submitted.filter(({ version }) => version === '2')).toEqual([]);
    gateway.queue.hasRoom = true;
    gateway.queue.execute = ({ version }) => (version === '2' ? new Promise(() => undefined) : {});
    await callsOf(30);
    expect(gateway.queue.submitted.filter(({ version }) => version === '2').length).toBeLessThanOrEqual(16);
    expect(await results('shed')).toBeGreaterThanOrEqual(3 + 14);
  });

  it('mirrors its share only, and its series end with it', async () => {
    gateway.traffic.set({ model: 'poet', stable: '1', shadow: shadow(0) });
    await callsOf(20);
    expect(await metric('shadow_requests_total')).toBeUndefined();
    gateway.traffic.set({ model: 'poet', stable: '1', shadow: shadow() });
    gateway.queue.hasRoom = false;
    await call('u');
    expect(await results('shed')).toBe(1);
    gateway.traffic.set({ model: 'poet', stable: '1', shadow: null });
    expect(await metric('shadow_requests_total')).toBeUndefined();
  });
});
