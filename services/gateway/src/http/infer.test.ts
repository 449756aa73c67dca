import { AppError } from '@frontier/contracts/errors';
import { bytesTensor, decodeTensors } from '@frontier/contracts/tensor';
import { startGateway, type Harness } from '../testing/harness.ts';
import { post, refusalOf, until, type Refusal } from '../testing/http.ts';
import { jpegHeader, pngHeader } from '../testing/images.ts';

const ROW = Array.from({ length: 16 }, (_, i) => i);
const BODY = { model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ROW] } };

describe('POST /v1/infer', () => {
  let gateway: Harness;

  beforeEach(async () => {
    gateway = await startGateway({ maxBodyBytes: 100_000 });
  });
  afterEach(() => gateway.stop());

  const infer = (body: unknown, headers: Record<string, string> = {}, query = '') =>
    post(gateway, `/v1/infer${query}`, body, headers);

  async function refused(response: Response, status: number): Promise<Refusal> {
    const error = await refusalOf(response, status);
    expect(gateway.queue.outstanding).toBe(0);
    return error;
  }

  it('answers in the envelope, with security headers', async () => {
    const response = await infer(BODY, { 'x-request-id': 'mine-1' });
    const body = (await response.json()) as { data: Record<string, unknown>; timestamp: string };
    expect(response.status).toBe(200);
    expect(body).toMatchObject({ success: true, error: null, request_id: 'mine-1' });
    expect(new Date(body.timestamp).getTime()).toBeCloseTo(Date.now(), -4);
    expect(body.data).toMatchObject({
      id: expect.stringMatching(/^inf_[0-9a-f-]{36}_sc0$/),
      model: 'simple',
      version: '1',
      outputs: { OUTPUT0: [ROW.map((x) => 2 * x)], OUTPUT1: [ROW.map(() => 0)] },
      usage: { prompt_tokens: 0, completion_tokens: 0 },
      variant: 'stable',
      status: 'completed',
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'strict-transport-security': expect.stringContaining('max-age'),
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(response.headers.get('x-powered-by')).toBeNull();
  });

  it('makes a request id where the given one is not sane', async () => {
    const response = await infer(BODY, { 'x-request-id': 'a b' });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('passes priority, deadline and params on', async () => {
    gateway.queue.execute = () => ({ outputs: [bytesTensor('text', [Buffer.from('rhyme')])], outcome: { finish: 'stop', usage: { prompt_tokens: 2, completion_tokens: 3 } } }); // prettier-ignore
    const response = await infer({
      model: 'poet',
      version: '1',
      prompt: 'roses',
      params: { seed: 7 },
      priority: 'vip',
      deadline_ms: 700,
    });
    await expect(response.json()).resolves.toMatchObject({
      data: {
        version: '1',
        output: 'rhyme',
        usage: { prompt_tokens: 2, completion_tokens: 3 },
        finish_reason: 'stop',
      },
    });
    const [request] = gateway.queue.submitted;
    expect(request).toMatchObject({ model: 'poet', version: '1', tenant: 'default', priority: 'vip', pool: 'cpu', mode: 'sync', params: { seed: 7, max_new_tokens: 8 } }); // prettier-ignore
    expect(request?.timeoutMs).toBeLessThanOrEqual(700);
    expect(decodeTensors(request?.payload as Uint8Array)).toEqual([
      bytesTensor('prompt', [Buffer.from('roses')]),
    ]);
  });

  it.each(['png', 'jpeg'])('takes the bytes of a %s image', async (type) => {
    const image = type === 'png' ? pngHeader(100, 100) : jpegHeader(100, 100);
    gateway.queue.execute = () => ({ outputs: [bytesTensor('lines', [Buffer.from('[{"text":"hi"}]')])] });
    const response = await infer(
      image,
      { 'content-type': `image/${type}` },
      '?model=ocr&priority=low&deadline_ms=5000',
    );
    await expect(response.json()).resolves.toMatchObject({ data: { output: [{ text: 'hi' }] } });
    expect(gateway.queue.submitted[0]).toMatchObject({ priority: 'low', payload: expect.anything() });
  });

  it.each([
    ['base64', (bytes: Buffer) => bytes.toString('base64')],
    ['a data URL', (bytes: Buffer) => `data:image/png;base64,${bytes.toString('base64')}`],
  ])('takes an image as %s', async (_, encode) => {
    gateway.queue.execute = () => ({ outputs: [bytesTensor('lines', [Buffer.from('[]')])] });
    const response = await infer({ model: 'ocr', input: encode(pngHeader(10, 10)) });
    expect(response.status).toBe(200);
    expect(decodeTensors(gateway.queue.submitted[0]?.payload as Uint8Array)).toEqual([
      bytesTensor('image', [pngHeader(10, 10)]),
    ]);
  });

  describe('idempotency', () => {
    const key = { 'idempotency-key': 'k-1' };

    it('gives the same answer without a second execution', async () => {
      const [first, second] = await Promise.all([infer(BODY, key), infer(BODY, key)]);
      const [a, b] = [
        (await first.json()) as { data: { id: string } },
        (await second.json()) as { data: { id: string } },
      ];
      expect(a.data.id).toBe(b.data.id);
      expect(gateway.queue.submitted).toHaveLength(1);
      const replayed = [first, second].map((response) => response.headers.get('idempotent-replayed'));
      expect(replayed.filter((header) => header === 'true')).toHaveLength(1);
    });

    it('refuses another body: 409', async () => {
      await infer(BODY, key);
      await expect(refused(await infer({ ...BODY, priority: 'low' }, key), 409)).resolves.toMatchObject({
        code: 'CONFLICT',
      });
    });

    it('refuses a key that is none: 400', async () => {
      await expect(
        refused(await infer(BODY, { 'idempotency-key': 'x'.repeat(256) }), 400),
      ).resolves.toMatchObject({ details: { field: 'Idempotency-Key' } });
    });
  });

  it('hands refusals of the queue on, with Retry-After', async () => {
    gateway.queue.refusal = new AppError('OVERLOADED', 'the queue is full', { retryAfterS: 1.2 });
    const response = await infer(BODY);
    expect(response.headers.get('retry-after')).toBe('2');
    await expect(refused(response, 429)).resolves.toMatchObject({ code: 'OVERLOADED' });
  });

  it('answers with the error of the record', async () => {
    gateway.queue.execute = () => {
      throw new AppError('UPSTREAM_ERROR', 'the model failed', { details: { attempts: 3 } });
    };
    const error = await refused(await infer(BODY), 502);
    expect(error).toEqual({
      code: 'UPSTREAM_ERROR',
      message: 'the model failed',
      details: { attempts: 3, id: expect.stringMatching(/^inf_/) },
    });
  });

  it('hides what went wrong inside', async () => {
    gateway.queue.execute = () => {
      throw new Error('secret');
    };
    const response = await infer(BODY);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
  });

  it('times out at the deadline', async () => {
    gateway.queue.execute = () => new Promise(() => {});
    await expect(refused(await infer({ ...BODY, deadline_ms: 30 }), 504)).resolves.toMatchObject({
      code: 'TIMEOUT',
    });
  });

  it('cancels when its client goes, unless a key keeps it', async () => {
    gateway.queue.execute = () => new Promise(() => {});
    for (const headers of [{}, { 'idempotency-key': 'k' }]) {
      const abort = new AbortController();
      const call = post(gateway, '/v1/infer', BODY, headers, abort.signal).catch(() => {});
      await until(() => gateway.queue.outstanding === 1);
      abort.abort();
      await call;
      if (!('idempotency-key' in headers)) await until(() => gateway.queue.outstanding === 0);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(gateway.queue.outstanding).toBe(1);
    expect(gateway.relay.cancelled).toEqual([gateway.queue.submitted[0]?.id]);
  });

  it('survives a queue that cannot be reached while its client goes', async () => {
    gateway.queue.execute = () => new Promise(() => {});
    const cancel = jest.spyOn(gateway.queue, 'cancel').mockRejectedValue(new AppError('UNAVAILABLE', 'away'));
    const abort = new AbortController();
    const call = post(gateway, '/v1/infer', BODY, {}, abort.signal).catch(() => {});
    await until(() => gateway.queue.outstanding === 1);
    abort.abort();
    await call;
    await until(() => cancel.mock.calls.length === 1);
    gateway.queue.execute = () => ({ outputs: [] });
    expect((await infer(BODY)).status).toBe(200);
  });

  it.each(['br', 'gzip'])('compresses large answers with %s', async (encoding) => {
    const large = 'word '.repeat(4_000);
    gateway.queue.execute = () => ({ outputs: [bytesTensor('text', [Buffer.from(large)])] });
    const response = await infer({ model: 'poet', prompt: 'x' }, { 'accept-encoding': encoding });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('vary')).toBe('Accept-Encoding');
    expect(Number(response.headers.get('content-length'))).toBeLessThan(4_000);
    await expect(response.json()).resolves.toMatchObject({ data: { output: large } });
    const plain = await infer({ model: 'poet', prompt: 'x' }, { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-encoding')).toBeNull();
  });

  it('counts requests and the stages of their time', async () => {
    await infer(BODY);
    await infer({ model: 'nobody', prompt: 'x' });
    const metrics = await gateway.registry.metrics();
    expect(metrics).toContain('http_requests_total{route="/v1/infer",method="POST",code="200"} 1');
    expect(metrics).toContain('http_requests_total{route="/v1/infer",method="POST",code="404"} 1');
    expect(metrics).toContain('inference_latency_seconds_count{model="simple",version="1",pool="cpu"} 1');
    for (const stage of ['admission', 'queue', 'forming', 'transport', 'compute', 'reply']) {
      expect(metrics).toContain(`request_stage_seconds_count{stage="${stage}"} 1`);
    }
    expect(metrics).toContain('requests_in_flight 0');
  });
});
