import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { startGateway, type Harness } from '../testing/harness.ts';
import { post, raw, refusalOf, type Refusal } from '../testing/http.ts';
import { pngHeader } from '../testing/images.ts';

const ROW = Array.from({ length: 16 }, (_, i) => i);
const BODY = { model: 'simple', inputs: { INPUT0: [ROW], INPUT1: [ROW] } };

describe('POST /v1/infer', () => {
  let gateway: Harness;

  beforeAll(async () => {
    gateway = await startGateway({ maxBodyBytes: 100_000 });
  });
  beforeEach(() => gateway.queue.submitted.splice(0));
  afterAll(() => gateway.stop());

  const infer = (body: unknown, headers: Record<string, string> = {}, query = '') =>
    post(gateway, `/v1/infer${query}`, body, headers);

  async function refused(response: Response, status: number): Promise<Refusal> {
    const error = await refusalOf(response, status);
    expect(gateway.queue.outstanding).toBe(0);
    return error;
  }

  describe('bad input', () => {
    const rows = (count: number, length = 16) => new Array(count).fill(new Array(length).fill(1));

    it.each<[string, unknown, Partial<Refusal>]>([
      ['no model', { inputs: {} }, { code: 'INVALID_INPUT', details: { field: 'model' } }],
      ['an unknown field', { ...BODY, modle: 1 }, { code: 'INVALID_INPUT', details: { field: 'modle' } }],
      ['an array', [], { code: 'INVALID_INPUT' }],
      ['no input', { model: 'simple' }, { code: 'INVALID_INPUT', details: { field: 'inputs' } }],
      ['two inputs', { ...BODY, prompt: 'x' }, { code: 'INVALID_INPUT', details: { field: 'inputs' } }],
      [
        'inputs that are none',
        { model: 'simple', inputs: [1] },
        { code: 'INVALID_INPUT', details: { field: 'inputs' } },
      ],
      [
        'a wrong shape',
        { model: 'simple', inputs: { INPUT0: rows(1, 15), INPUT1: rows(1) } },
        { code: 'INVALID_INPUT', details: { tensor: 'INPUT0', shape: [1, 15], expected_shape: [-1, 16] } },
      ],
      [
        'a wrong type',
        { model: 'simple', inputs: { INPUT0: rows(1), INPUT1: [ROW.map((x) => x + 0.5)] } },
        { code: 'INVALID_INPUT', details: { tensor: 'INPUT1', index: [0, 0], datatype: 'INT32' } },
      ],
      [
        'a missing tensor',
        { model: 'simple', inputs: { INPUT0: rows(1) } },
        { code: 'INVALID_INPUT', details: { tensor: 'INPUT1', expected_shape: [-1, 16] } },
      ],
      [
        'an unknown tensor',
        { model: 'simple', inputs: { INPUT0: rows(1), INPUT1: rows(1), INPUT2: rows(1) } },
        { code: 'INVALID_INPUT', details: { tensor: 'INPUT2', inputs: ['INPUT0', 'INPUT1'] } },
      ],
      [
        'rows that differ',
        { model: 'simple', inputs: { INPUT0: rows(1), INPUT1: rows(2) } },
        { code: 'INVALID_INPUT', details: { tensors: { INPUT0: [1, 16], INPUT1: [2, 16] } } },
      ],
      [
        'too many rows',
        { model: 'simple', inputs: { INPUT0: rows(257), INPUT1: rows(257) } },
        { code: 'INVALID_INPUT', details: { rows: 257, max_rows: 256 } },
      ],
      [
        'two prompts',
        { model: 'poet', inputs: { prompt: ['a', 'b'] } },
        { code: 'INVALID_INPUT', details: { rows: 2, max_rows: 1 } },
      ],
      [
        'a prompt for tensors',
        { model: 'simple', prompt: 'x' },
        { code: 'INVALID_INPUT', details: { inputs: ['INPUT0', 'INPUT1'] } },
      ],
      ['a prompt for an image', { model: 'ocr', prompt: 'x' }, { code: 'INVALID_INPUT' }],
      [
        'no image',
        { model: 'ocr', input: Buffer.from('hello, hello, hello, hello, hello').toString('base64') },
        { code: 'INVALID_INPUT', details: { tensor: 'image' } },
      ],
      ['no base64', { model: 'ocr', input: 'a picture of a cat' }, { code: 'INVALID_INPUT' }],
      [
        'params for no generation',
        { ...BODY, params: { seed: 1 } },
        { code: 'INVALID_INPUT', details: { field: 'params.seed' } },
      ],
      [
        'params out of range',
        { model: 'poet', prompt: 'x', params: { temperature: 3 } },
        { code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'params.temperature' }) },
      ],
      [
        'an unknown priority',
        { ...BODY, priority: 'urgent' },
        { code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'priority' }) },
      ],
      [
        'a deadline of 0',
        { ...BODY, deadline_ms: 0 },
        { code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'deadline_ms' }) },
      ],
      [
        'a deadline of 1.5',
        { ...BODY, deadline_ms: 1.5 },
        { code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'deadline_ms' }) },
      ],
      [
        'a deadline in two days',
        { ...BODY, deadline_ms: 172_800_000 },
        { code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'deadline_ms' }) },
      ],
      ['streaming here', { ...BODY, stream: true }, { code: 'INVALID_INPUT', details: { field: 'stream' } }],
      [
        'a webhook',
        { ...BODY, callback_url: 'https://example.org' },
        { code: 'INVALID_INPUT', message: 'callback_url: webhooks are not available yet' },
      ],
      [
        'huge numbers',
        '{"model":"floats","inputs":{"x":[[[1e400,0],[0,0]]]}}',
        { code: 'INVALID_INPUT', details: expect.objectContaining({ tensor: 'x', index: [0, 0, 0] }) },
      ],
      ['NaN', '{"model":"floats","inputs":{"x":[[[NaN,0],[0,0]]]}}', { code: 'INVALID_INPUT' }],
      ['no JSON', 'model=simple', { code: 'INVALID_INPUT' }],
      ['nothing', '', { code: 'INVALID_INPUT' }],
      [
        'too deep',
        `{"model":"simple","input":${'['.repeat(70)}${']'.repeat(70)}}`,
        { code: 'INVALID_INPUT', details: { max_depth: 64 } },
      ],
      ['a prototype', '{"model":"simple","inputs":{"__proto__":{"x":1}}}', { code: 'INVALID_INPUT' }],
      [
        'a constructor',
        '{"model":"simple","inputs":{"constructor":{"prototype":{"x":1}}}}',
        { code: 'INVALID_INPUT' },
      ],
    ])('%s: 400', async (_, body, expected) => {
      const { details, ...rest } = expected;
      const error = await refused(await infer(body), 400);
      expect(error).toMatchObject(rest);
      if (details) expect(error.details).toMatchObject(details);
      expect(gateway.queue.submitted).toEqual([]);
    });

    it('does not repeat at length what it refuses', async () => {
      const long = 'x'.repeat(50_000);
      for (const body of [
        { ...BODY, [long]: 1 },
        { ...BODY, params: { [long]: 1 } },
        { model: 'poet', prompt: 'x', params: { [long]: 1 } },
        { model: 'simple', inputs: { [long]: 1 } },
      ]) {
        expect(JSON.stringify(await refused(await infer(body), 400)).length).toBeLessThan(1_000);
      }
      expect(
        JSON.stringify(await refused(await infer({ ...BODY, model: 'x'.repeat(128) }), 404)).length,
      ).toBeLessThan(1_000);
    });

    it('not UTF-8: 400', async () => {
      await expect(refused(await infer(Buffer.from('7b22ff22', 'hex')), 400)).resolves.toMatchObject({
        message: 'the body is not UTF-8',
      });
    });

    it.each([
      ['nobody', {}, 'no model nobody'],
      ['poet', { version: '7' }, 'model poet has no version 7'],
    ])('unknown model %s %j: 404', async (model, more, message) => {
      const error = await refused(await infer({ model, prompt: 'x', ...more }), 404);
      expect(error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(message) });
    });

    it('no pool that runs the model: 503', async () => {
      await expect(refused(await infer({ model: 'gpu-only', input: [1] }), 503)).resolves.toMatchObject({
        code: 'UNAVAILABLE',
      });
    });

    it('an image bomb: 413, before any work', async () => {
      const bomb = { model: 'ocr', input: pngHeader(60_000, 60_000).toString('base64') };
      await expect(refused(await infer(bomb), 413)).resolves.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { width: 60_000, max_pixels: 10_000 } }); // prettier-ignore
    });

    it('inputs over the limit of the model: 413', async () => {
      const x = new Array(5).fill([[1, 2], [3, 4]]); // prettier-ignore
      await expect(refused(await infer({ model: 'floats', inputs: { x } }), 413)).resolves.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { tensor: 'x', bytes: 80, max_bytes: 64 } }); // prettier-ignore
    });

    it('a body over the limit: 413', async () => {
      await expect(refused(await infer('x'.repeat(100_001)), 413)).resolves.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
      });
    });

    it.each([
      ['gzip', gzipSync],
      ['br', brotliCompressSync],
      ['deflate', deflateSync],
    ])('a %s bomb: 413', async (encoding, compress) => {
      const bomb = compress(Buffer.alloc(50_000_000, ' '));
      expect(bomb.length).toBeLessThan(100_000);
      await expect(refused(await infer(bomb, { 'content-encoding': encoding }), 413)).resolves.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' }); // prettier-ignore
      const honest = compress(Buffer.from(JSON.stringify(BODY)));
      expect((await infer(honest, { 'content-encoding': encoding })).status).toBe(200);
    });

    it('a wrong content type or encoding: 400', async () => {
      await expect(refused(await infer(BODY, { 'content-type': 'text/plain' }), 400)).resolves.toMatchObject({
        details: { field: 'Content-Type' },
      });
      await expect(refused(await infer(BODY, { 'content-encoding': 'zstd' }), 400)).resolves.toMatchObject({
        details: { field: 'Content-Encoding' },
      });
      await expect(refused(await infer(BODY, { 'content-encoding': 'gzip' }), 400)).resolves.toMatchObject({
        details: { field: 'Content-Encoding' },
      });
    });

    it('a wrong query of a body of bytes: 400', async () => {
      const image = pngHeader(10, 10);
      const png = { 'content-type': 'image/png' };
      await expect(refused(await infer(image, png, '?model=ocr&colour=1'), 400)).resolves.toMatchObject({
        details: { field: 'colour' },
      });
      await expect(
        refused(await infer(image, png, '?model=ocr&deadline_ms=1e3'), 400),
      ).resolves.toMatchObject({ details: { field: 'deadline_ms' } });
      await expect(refused(await infer(image, png, '?model=simple'), 400)).resolves.toMatchObject({
        code: 'INVALID_INPUT',
      });
    });

    it('a deadline that passes while the body is sent: 504', async () => {
      const text = JSON.stringify({ ...BODY, deadline_ms: 5 });
      const answer = await raw(gateway, [`POST /v1/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n`, text], 50); // prettier-ignore
      expect(answer).toMatch(/^HTTP\/1.1 504 /);
      expect(answer).toContain('"code":"TIMEOUT"');
      expect(gateway.queue.submitted).toEqual([]);
    });

    it('a body that is too large is answered before it is sent', async () => {
      const head = 'POST /v1/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
      const declared = await raw(gateway, [`${head}content-length: 99999999\r\n\r\n{`], 0);
      expect(declared).toMatch(/^HTTP\/1.1 413 .*"code":"PAYLOAD_TOO_LARGE"/s);
      const part = `ffff\r\n${'x'.repeat(0xffff)}\r\n`;
      const chunked = await raw(gateway, [`${head}transfer-encoding: chunked\r\n\r\n`, part, part], 0);
      expect(chunked).toMatch(/^HTTP\/1.1 413 .*"code":"PAYLOAD_TOO_LARGE"/s);
    });
  });

  describe('smuggling', () => {
    const text = JSON.stringify(BODY);

    it.each([
      ['both lengths', `content-length: ${text.length}\r\ntransfer-encoding: chunked`],
      ['two lengths', `content-length: ${text.length}\r\ncontent-length: 5`],
      ['an obfuscated encoding', 'transfer-encoding: xchunked'],
      ['a space before the colon', `content-length : ${text.length}`],
    ])('refuses %s', async (_, header) => {
      const answer = await raw(
        gateway,
        [`POST /v1/infer HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${header}\r\n\r\n${text}`],
        0,
      );
      expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
      expect(answer).not.toMatch(/HTTP\/1.1 200/);
      expect(gateway.queue.submitted).toEqual([]);
    });
  });
});
