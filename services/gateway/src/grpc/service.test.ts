import { AppError } from '@frontier/contracts/errors';
import { bytesTensor } from '@frontier/contracts/tensor';
import type { TokenChunk__Output } from '@frontier/rpc/gen/inference/v1/TokenChunk';
import {
  InferenceClient,
  type InferenceCallOptions,
  type InferenceError,
} from '@frontier/rpc/inference-client';
import { textOutput, type Execution } from '../testing/fake-queue.ts';
import { startGateway, type Harness } from '../testing/harness.ts';
import { until } from '../testing/http.ts';
import { pngHeader } from '../testing/images.ts';

const OK = 0;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;

type Request = Parameters<InferenceClient['infer']>[0];

describe('inference.v1.InferenceService', () => {
  let gateway: Harness;
  let client: InferenceClient;

  beforeEach(async () => {
    gateway = await startGateway({ grpcMaxMessageBytes: 50_000 });
    client = new InferenceClient(gateway.grpc);
  });
  afterEach(async () => {
    client.close();
    await gateway.stop();
  });

  const int32 = (name: string, shape: number[], values: number[]) => ({
    name,
    datatype: 'INT32',
    shape,
    data: Buffer.from(Int32Array.from(values).buffer),
  });
  const ROW = Array.from({ length: 16 }, (_, i) => i);
  const SIMPLE: Request = {
    model: 'simple',
    inputs: [int32('INPUT0', [1, 16], ROW), int32('INPUT1', [1, 16], ROW)],
  };

  async function refused(request: Request, options?: InferenceCallOptions): Promise<InferenceError> {
    const error = await client.infer(request, options).then(
      () => undefined,
      (thrown: InferenceError) => thrown,
    );
    if (!error) throw new Error('not refused');
    return error;
  }

  async function read(request: Request, options?: InferenceCallOptions): Promise<TokenChunk__Output[]> {
    const chunks: TokenChunk__Output[] = [];
    for await (const chunk of client.stream(request, options)) chunks.push(chunk);
    return chunks;
  }

  const KEYS: Array<Record<string, string>> = [{}, { 'idempotency-key': 'k' }];

  describe('Infer', () => {
    it('answers with tensors', async () => {
      const response = await client.infer(SIMPLE);
      expect(response).toMatchObject({
        id: expect.stringMatching(/^inf_[0-9a-f-]{36}_sc0$/),
        model: 'simple',
        version: '1',
        output: '',
        variant: 'stable',
        status: 'completed',
        outputs: [
          { name: 'OUTPUT0', datatype: 'INT32', shape: [1, 16] },
          { name: 'OUTPUT1', datatype: 'INT32', shape: [1, 16] },
        ],
      });
      expect([...new Int32Array(Uint8Array.from(response.outputs[0]?.data ?? []).buffer)]).toEqual(
        ROW.map((x) => 2 * x),
      );
    });

    it('answers a prompt with text, params given as text', async () => {
      gateway.queue.execute = () => ({ outputs: textOutput('rhyme'), outcome: { finish: 'stop', usage: { prompt_tokens: 2, completion_tokens: 3 } } }); // prettier-ignore
      const params = { temperature: '0.5', seed: '7', stop: '["a","b"]' };
      const response = await client.infer({
        model: 'poet',
        prompt: 'roses',
        params,
        priority: 'vip',
        version: '1',
      });
      expect(response).toMatchObject({
        output: 'rhyme',
        version: '1',
        usage: { prompt_tokens: 2, completion_tokens: 3 },
      });
      expect(gateway.queue.submitted[0]).toMatchObject({
        version: '1',
        priority: 'vip',
        params: { temperature: 0.5, seed: 7, stop: ['a', 'b'], max_new_tokens: 8 },
      });
    });

    it('takes bytes and answers with JSON', async () => {
      gateway.queue.execute = () => ({ outputs: [bytesTensor('lines', [Buffer.from('[{"text":"hi"}]')])] });
      await expect(client.infer({ model: 'ocr', input: pngHeader(10, 10) })).resolves.toMatchObject({
        output: '[{"text":"hi"}]',
      });
    });

    it.each<[string, Request, number, string]>([
      ['an unknown model', { model: 'nobody' }, NOT_FOUND, 'no model nobody'],
      [
        'a wrong shape',
        { ...SIMPLE, inputs: [int32('INPUT0', [1, 15], ROW)] },
        INVALID_ARGUMENT,
        'tensor INPUT0: shape [1,15] does not fit [-1,16]',
      ],
      [
        'a wrong data type',
        { ...SIMPLE, inputs: [{ ...int32('INPUT0', [1, 16], ROW), datatype: 'FP32' }] },
        INVALID_ARGUMENT,
        'tensor INPUT0: datatype FP32, expected INT32',
      ],
      [
        'data cut short',
        { ...SIMPLE, inputs: [int32('INPUT0', [1, 16], [1])] },
        INVALID_ARGUMENT,
        'tensor INPUT0: 4 bytes of data, shape [1,16] needs 64',
      ],
      [
        'a tensor twice',
        { ...SIMPLE, inputs: [int32('INPUT0', [1, 16], ROW), int32('INPUT0', [1, 16], ROW)] },
        INVALID_ARGUMENT,
        'tensor INPUT0 is given twice',
      ],
      [
        'a missing tensor',
        { ...SIMPLE, inputs: [int32('INPUT0', [1, 16], ROW)] },
        INVALID_ARGUMENT,
        'tensor INPUT1 is missing',
      ],
      [
        'two kinds of input',
        { ...SIMPLE, prompt: 'x' },
        INVALID_ARGUMENT,
        'give one of prompt, input and inputs',
      ],
      ['nothing for tensors', { model: 'simple' }, INVALID_ARGUMENT, 'model simple has 2 inputs'],
      [
        'no number',
        { model: 'poet', prompt: 'x', params: { top_p: 'much' } },
        INVALID_ARGUMENT,
        'params.top_p: "much" is not a number',
      ],
      [
        'no stops',
        { model: 'poet', prompt: 'x', params: { stop: '[a]' } },
        INVALID_ARGUMENT,
        'params.stop: a JSON array',
      ],
      [
        'an unknown param',
        { model: 'poet', prompt: 'x', params: { colour: 'red' } },
        INVALID_ARGUMENT,
        'params.colour',
      ],
      [
        'an unknown priority',
        { ...SIMPLE, priority: 'urgent' },
        INVALID_ARGUMENT,
        'priority: one of vip, standard, low',
      ],
      [
        'no image',
        { model: 'ocr', input: Buffer.from('no image') },
        INVALID_ARGUMENT,
        'tensor image: not a PNG or JPEG image',
      ],
      [
        'an image bomb',
        { model: 'ocr', input: pngHeader(60_000, 60_000) },
        INVALID_ARGUMENT,
        'at most 10000 pixels',
      ],
      [
        'a message over the limit',
        { model: 'poet', prompt: 'x'.repeat(60_000) },
        RESOURCE_EXHAUSTED,
        'larger than max',
      ],
    ])('refuses %s', async (_, request, code, message) => {
      const error = await refused(request);
      expect(error).toMatchObject({ code, details: expect.stringContaining(message) });
      expect(gateway.queue.submitted).toEqual([]);
    });

    it('tells code, request id and the delay until a retry in the metadata', async () => {
      gateway.queue.refusal = new AppError('OVERLOADED', 'the queue is full', { retryAfterS: 2 });
      const { code, metadata } = await refused(SIMPLE, { metadata: { 'x-request-id': 'mine-1' } });
      expect(code).toBe(RESOURCE_EXHAUSTED);
      expect(metadata.get('error-code')).toEqual(['OVERLOADED']);
      expect(metadata.get('x-request-id')).toEqual(['mine-1']);
      expect(String(metadata.get('grpc-status-details-bin')[0])).toContain('google.rpc.RetryInfo');
    });

    it('shortens the timeout by the deadline of the call and by the field', async () => {
      await client.infer(SIMPLE, { deadlineMs: 3_000 });
      await client.infer({ ...SIMPLE, deadline_ms: 500 }, { deadlineMs: 3_000 });
      const [byCall, byField] = gateway.queue.submitted.map(({ timeoutMs }) => timeoutMs);
      expect(byCall).toBeLessThanOrEqual(3_000);
      expect(byCall).toBeGreaterThan(1_000);
      expect(byField).toBeLessThanOrEqual(500);
    });

    it('ends at its deadline', async () => {
      gateway.queue.execute = () => new Promise(() => {});
      await expect(refused(SIMPLE, { deadlineMs: 50 })).resolves.toMatchObject({ code: DEADLINE_EXCEEDED });
      await until(() => gateway.queue.outstanding === 0);
      await expect(refused({ ...SIMPLE, deadline_ms: 20 })).resolves.toMatchObject({
        code: DEADLINE_EXCEEDED,
      });
    });

    it('cancels when its caller does, unless a key keeps it', async () => {
      gateway.queue.execute = () => new Promise(() => {});
      for (const [round, metadata] of KEYS.entries()) {
        const abort = new AbortController();
        const call = refused(SIMPLE, { signal: abort.signal, metadata });
        await until(() => gateway.queue.submitted.length === round + 1);
        abort.abort();
        await call;
        if (round === 0) await until(() => gateway.queue.outstanding === 0);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(gateway.queue.outstanding).toBe(1);
    });

    it('gives the same answer to the same key, by metadata or field', async () => {
      const first = await client.infer(SIMPLE, { metadata: { 'idempotency-key': 'k' } });
      const second = await client.infer({ ...SIMPLE, idempotency_key: 'k' });
      expect(second.id).toBe(first.id);
      expect(gateway.queue.submitted).toHaveLength(1);
      await expect(refused({ ...SIMPLE, idempotency_key: 'k', priority: 'low' })).resolves.toMatchObject({
        code: ABORTED,
      });
    });

    it('counts calls', async () => {
      await client.infer(SIMPLE);
      await refused({ model: 'nobody' });
      const metrics = await gateway.registry.metrics();
      expect(metrics).toContain(`grpc_requests_total{method="Infer",code="${OK}"} 1`);
      expect(metrics).toContain(`grpc_requests_total{method="Infer",code="${NOT_FOUND}"} 1`);
    });
  });

  describe('StreamInfer', () => {
    let finish: (execution: Execution) => void;
    beforeEach(() => {
      gateway.queue.execute = () => new Promise((resolve) => (finish = resolve));
    });

    async function begun(): Promise<string> {
      await until(() => gateway.relay.listening.length === 1 && gateway.queue.submitted.length === 1);
      return gateway.relay.listening[0] ?? '';
    }

    it('streams tokens, and the usage in the last message', async () => {
      const chunks = read({ model: 'poet', prompt: 'x' });
      const id = await begun();
      gateway.relay.emit({ id, epoch: 0, offset: 0, tokens: [1, 2], text: 'ab' });
      await new Promise((resolve) => setTimeout(resolve, 20));
      finish({
        outputs: textOutput('abc'),
        outcome: { finish: 'length', usage: { prompt_tokens: 1, completion_tokens: 3 } },
      });
      await expect(chunks).resolves.toMatchObject([
        { id, text: 'ab', event_id: '0.2', usage: null, status: '' },
        { id, text: 'c', event_id: '0.3' },
        {
          id,
          text: '',
          finish_reason: 'length',
          status: 'completed',
          version: '2',
          variant: 'stable',
          usage: { prompt_tokens: 1, completion_tokens: 3 },
        },
      ]);
    });

    it('gives the whole output of a model that does not generate, but no tensors', async () => {
      gateway.queue.execute = () => ({ outputs: [bytesTensor('lines', [Buffer.from('[]')])] });
      await expect(read({ model: 'ocr', input: pngHeader(9, 9) })).resolves.toMatchObject([
        { text: '[]', status: 'completed' },
      ]);
      await expect(read(SIMPLE)).rejects.toMatchObject({
        code: INVALID_ARGUMENT,
        details: 'model simple gives tensors: call Infer',
      });
    });

    it('fails as the record does', async () => {
      const chunks = read({ model: 'poet', prompt: 'x', deadline_ms: 50 });
      await expect(chunks).rejects.toMatchObject({ code: DEADLINE_EXCEEDED });
    });

    it('gives a caller that goes the grace time', async () => {
      await gateway.stop();
      client.close();
      gateway = await startGateway({ streamGraceMs: 50 });
      client = new InferenceClient(gateway.grpc);
      gateway.queue.execute = () => new Promise(() => {});
      const abort = new AbortController();
      const chunks = read({ model: 'poet', prompt: 'x' }, { signal: abort.signal }).catch(() => {});
      await begun();
      abort.abort();
      await chunks;
      expect(gateway.queue.outstanding).toBe(1);
      await until(() => gateway.queue.outstanding === 0);
      expect(gateway.relay.listening).toEqual([]);
    });
  });
});
