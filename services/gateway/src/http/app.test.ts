import { bytesTensor } from '@frontier/contracts/tensor';
import { AppError } from '@frontier/contracts/errors';
import { startGateway, type Harness } from '../testing/harness.ts';
import { post, refusalOf, until } from '../testing/http.ts';

const ROW = Array.from({ length: 16 }, (_, i) => i);
const BODY = { model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ROW] } };

interface JobBody {
  data: { id: string; status: string } & Record<string, unknown>;
}

describe('the routes behind Express', () => {
  let gateway: Harness;

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.stop());

  const get = (path: string) => fetch(gateway.url + path);
  const remove = (path: string) => fetch(gateway.url + path, { method: 'DELETE' });
  const job = async (response: Promise<Response>) => ((await (await response).json()) as JobBody).data;

  describe('/v1/jobs', () => {
    it('accepts, and gives the result when it is there', async () => {
      let finish: () => void = () => {};
      gateway.queue.execute = () =>
        new Promise((resolve) => {
          finish = () =>
            resolve({ outputs: [bytesTensor('text', [Buffer.from('done')])], outcome: { finish: 'length' } });
        });
      const response = await post(gateway, '/v1/jobs', { model: 'poet', prompt: 'x' });
      expect(response.status).toBe(202);
      const { data } = (await response.json()) as JobBody;
      expect(data.status).toBe('processing');
      expect(response.headers.get('location')).toBe(`/v1/jobs/${data.id}`);
      expect(gateway.queue.submitted[0]).toMatchObject({ mode: 'job', timeoutMs: expect.any(Number) });
      expect(gateway.queue.submitted[0]?.timeoutMs).toBeGreaterThan(899_000);

      await expect(job(get(`/v1/jobs/${data.id}`))).resolves.toEqual({
        id: data.id,
        status: 'processing',
        model: 'poet',
      });
      finish();
      await until(() => gateway.queue.outstanding === 0);
      await expect(job(get(`/v1/jobs/${data.id}`))).resolves.toEqual({
        id: data.id,
        status: 'completed',
        model: 'poet',
        variant: 'stable',
        version: '2',
        result: {
          output: 'done',
          usage: { prompt_tokens: 0, completion_tokens: 0 },
          finish_reason: 'length',
        },
      });
    });

    it('shows a failure and a timeout as failed', async () => {
      gateway.queue.execute = () => {
        throw new AppError('UPSTREAM_ERROR', 'the model failed');
      };
      const failed = await job(post(gateway, '/v1/jobs', BODY));
      await expect(job(get(`/v1/jobs/${failed.id}`))).resolves.toMatchObject({
        status: 'failed',
        error: { code: 'UPSTREAM_ERROR' },
      });
      gateway.queue.execute = () => new Promise(() => {});
      const late = await job(post(gateway, '/v1/jobs', { ...BODY, deadline_ms: 20 }));
      await until(() => gateway.queue.outstanding === 0);
      await expect(job(get(`/v1/jobs/${late.id}`))).resolves.toMatchObject({
        status: 'failed',
        error: { code: 'TIMEOUT' },
      });
    });

    it('cancels, twice as well as once, and not what has ended', async () => {
      gateway.queue.execute = () => new Promise(() => {});
      const { id } = await job(post(gateway, '/v1/jobs', BODY));
      await expect(job(remove(`/v1/jobs/${id}`))).resolves.toMatchObject({
        id,
        status: 'cancelled',
        error: { code: 'CANCELLED' },
      });
      await expect(job(remove(`/v1/jobs/${id}`))).resolves.toMatchObject({ id, status: 'cancelled' });
      expect(gateway.queue.outstanding).toBe(0);

      gateway.queue.execute = () => ({ outputs: [] });
      const done = await job(post(gateway, '/v1/jobs', BODY));
      await until(() => gateway.queue.outstanding === 0);
      await expect(job(remove(`/v1/jobs/${done.id}`))).resolves.toMatchObject({ status: 'completed' });
    });

    it('says that a failed execution is tried again', async () => {
      gateway.queue.execute = () => new Promise(() => {});
      const { id } = await job(post(gateway, '/v1/jobs', BODY));
      gateway.queue.state = 'retrying';
      await expect(job(get(`/v1/jobs/${id}`))).resolves.toMatchObject({ id, status: 'retrying' });
    });

    it('stops what is cancelled, and nothing for another tenant', async () => {
      const strict = await startGateway({ trustTenantHeader: true });
      strict.queue.execute = () => new Promise(() => {});
      const as = (tenant: string) => ({ 'x-tenant-id': tenant });
      const { id } = await job(post(strict, '/v1/jobs', BODY, as('mine')));
      const cancel = (tenant: string) =>
        fetch(`${strict.url}/v1/jobs/${id}`, { method: 'DELETE', headers: as(tenant) });
      await refusalOf(await cancel('other'), 404);
      expect(strict.relay.cancelled).toEqual([]);
      await expect(job(cancel('mine'))).resolves.toMatchObject({ status: 'cancelled' });
      expect(strict.relay.cancelled).toEqual([id]);
      await strict.stop();
    });

    it('knows a key', async () => {
      const key = { 'idempotency-key': 'k' };
      const first = await job(post(gateway, '/v1/jobs', BODY, key));
      const second = await post(gateway, '/v1/jobs', BODY, key);
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      await expect(second.json()).resolves.toMatchObject({ data: { id: first.id } });
    });

    it('knows nothing of others', async () => {
      for (const id of ['inf_0', '%20', 'inf_00000000-0000-7000-8000-000000000000_sc0', 'x'.repeat(300)]) {
        await expect(refusalOf(await get(`/v1/jobs/${id}`), 404)).resolves.toMatchObject({
          code: 'NOT_FOUND',
        });
        await expect(refusalOf(await remove(`/v1/jobs/${id}`), 404)).resolves.toMatchObject({
          code: 'NOT_FOUND',
        });
      }
      await refusalOf(await get('/v1/jobs/%E0%A4%A'), 400);
    });
  });

  describe('/v1/models', () => {
    it('lists what can be called, page by page', async () => {
      const all = (await (await get('/v1/models')).json()) as { data: Array<{ name: string }> };
      expect(all.data.map(({ name }) => name)).toEqual(['floats', 'gpu-only', 'ocr', 'poet', 'simple']);
      const page = await get('/v1/models?limit=2');
      const next = await get(`/v1/models?limit=2&cursor=${page.headers.get('x-next-cursor')}`);
      await expect(next.json()).resolves.toMatchObject({ data: [{ name: 'ocr' }, { name: 'poet' }] });
      expect(next.headers.get('x-prev-cursor')).toEqual(expect.any(String));
      await refusalOf(await get('/v1/models?limit=0'), 400);
    });

    it('shows one', async () => {
      const { data } = (await (await get('/v1/models/poet')).json()) as { data: object };
      expect(data).toMatchObject({
        name: 'poet',
        version: '2',
        versions: ['1', '2'],
        task: 'text-generation',
        inputs: [{ name: 'prompt', dtype: 'BYTES', shape: [-1], kind: 'text' }],
        limits: { max_rows: 1, context: 16, default_max_new_tokens: 8 },
        pools: ['cpu'],
        streams: true,
        state: 'available',
      });
      await expect((await get('/v1/models/gpu-only')).json()).resolves.toMatchObject({
        data: { pools: [], state: 'unavailable' },
      });
      await refusalOf(await get('/v1/models/nobody'), 404);
    });
  });

  it('answers everything else with 404 in the envelope', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/v1/infer'],
      ['PUT', '/v1/infer'],
      ['DELETE', '/v1/infer/stream'],
      ['POST', '/v1/models'],
      ['GET', '/v1/infer/'],
    ]) {
      // prettier-ignore
      await expect(refusalOf(await fetch(gateway.url + path, { method: method ?? '' }), 404)).resolves.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await gateway.registry.metrics()).toContain(
      'http_requests_total{route="other",method="GET",code="404"} 3',
    );
  });

  it('is alive and ready until it stops', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect(gateway.gateway.ready()).toBe(true);
    await gateway.gateway.stop();
    expect(gateway.gateway.ready()).toBe('draining');
  });

  it('lets answers under way end when it stops, on connections that close', async () => {
    let finish: () => void = () => {};
    gateway.queue.execute = () => new Promise((resolve) => (finish = () => resolve({ outputs: [] })));
    const call = post(gateway, '/v1/infer', BODY);
    await until(() => gateway.queue.outstanding === 1);
    const stopped = gateway.gateway.stop();
    const refused = () =>
      get('/healthz').then(
        () => false,
        () => true,
      );
    while (!(await refused()));
    finish();
    const response = await call;
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe('close');
    await stopped;
  });

  it('still answers for a moment when it stops, and sends its clients elsewhere', async () => {
    const leaving = await startGateway({ noticeMs: 300 });
    const stopped = leaving.stop();
    expect((await fetch(`${leaving.url}/readyz`)).status).toBe(503);
    const response = await post(leaving, '/v1/infer', BODY);
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe('close');
    await stopped;
    await expect(fetch(`${leaving.url}/healthz`)).rejects.toThrow();
  });

  it('cuts what does not end in time', async () => {
    const impatient = await startGateway({ drainMs: 30 });
    impatient.queue.execute = () => new Promise(() => {});
    const call = post(impatient, '/v1/infer', BODY).catch((error: Error) => error.message);
    await until(() => impatient.queue.outstanding === 1);
    await impatient.stop();
    await expect(call).resolves.toBe('fetch failed');
  });
});
