import { doubled, type FakeWorker, type FakeWorkerOptions } from './testing/fake-worker.ts';
import { Harness, ints, numbersOf, prompt as text, textOf, until } from './testing/harness.ts';

const harness = new Harness();
const worker = (options: Omit<FakeWorkerOptions, 'port'>) => harness.worker(options);
const infer: Harness['infer'] = (...args) => harness.infer(...args);

beforeAll(() => harness.open());
afterAll(() => harness.close());
beforeEach(() => harness.start());
afterEach(() => harness.stop());

describe('dispatcher', () => {
  it('batches what fits together and gives everyone his own rows', async () => {
    const calls = Array.from({ length: 40 }, (_, i) => infer('double', [ints([[i, i + 1]])]));
    const wide = infer('double', [ints([[1, 2, 3]])]);
    await Promise.all([...calls, wide]);
    const busy = await worker({ models: [{ name: 'double', credits: 1 }], onBatch: doubled });
    const answers = await Promise.all(calls.map(async (call) => numbersOf(await (await call).answer)));
    expect(answers).toEqual(answers.map((_, i) => [2 * i, 2 * i + 2]));
    expect(numbersOf(await (await wide).answer)).toEqual([2, 4, 6]);
    expect(Math.max(...busy.batches.map((batch) => batch.items.length))).toBe(16);
    for (const { inputs, items } of busy.batches) expect(inputs[0]?.shape[0]).toBe(items.length);
  });

  it('never gives a worker more batches than it has credits for', async () => {
    const silent = await worker({ models: [{ name: 'double', credits: 2 }] });
    for (let i = 0; i < 40; i += 1) await infer('double', [ints([[i]])], { timeoutMs: 700 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(silent.batches).toHaveLength(2);
  });

  it('runs the steps of an ensemble, one call a row, and makes its table', async () => {
    const w = await worker({ models: [{ name: 'double', credits: 2 }], onBatch: doubled });
    const { answer } = await infer('twice', [ints([[1], [5], [9]])]);
    expect(JSON.parse(textOf(await answer))).toEqual({
      rows: [
        { twice: [2], four: [4] },
        { twice: [10], four: [20] },
        { twice: [18], four: [36] },
      ],
    });
    expect(w.batches.map((batch) => batch.items.length)).toEqual([1, 3]);
  });

  it('gives the work of a lost worker to another at once', async () => {
    const lost = await worker({ models: [{ name: 'double', credits: 1 }] });
    const { answer } = await infer('double', [ints([[21]])]);
    while (lost.batches.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await worker({ models: [{ name: 'double', credits: 1 }], onBatch: doubled });
    void lost.close();
    expect(numbersOf(await answer)).toEqual([42]);
  });

  it('tells a failure of the input to its owner alone, and ignores answers to nothing', async () => {
    const w = await worker({
      models: [{ name: 'double', credits: 1 }],
      onBatch: (batch) => ({
        ...doubled(batch),
        item_errors: [{ index: 0, error: { code: 'INVALID_INPUT', message: 'x is odd', transient: false } }],
      }),
    });
    w.stream.send({ result: { batch_id: 'nonsense' } });
    const [first, second] = await Promise.all([
      infer('double', [ints([[1]])]),
      infer('double', [ints([[2]])]),
    ]);
    const settled = await Promise.all([first.answer, second.answer]);
    expect(settled.map((s) => s.outcome.status).sort()).toContain('failed');
    expect(settled[0]?.outcome.error ?? settled[1]?.outcome.error).toMatchObject({ code: 'INVALID_INPUT', message: 'x is odd' }); // prettier-ignore
  });

  it('turns a wrong number of rows into an error, not into somebody else’s answer', async () => {
    await worker({
      models: [{ name: 'double', credits: 1 }],
      onBatch: (batch) => ({ outputs: doubled(batch).outputs?.map((o) => ({ ...o, shape: [7, 1] })) ?? [] }),
    });
    const { answer } = await infer('double', [ints([[1]])]);
    expect((await answer).outcome).toMatchObject({ status: 'failed', error: { code: 'INTERNAL_ERROR' } });
  });

  it('takes nothing before it has a worker: another dispatcher may have one', async () => {
    const { answer } = await infer('double', [ints([[4]])]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await harness.shard.waiting()).toBe(1);
    await worker({ models: [{ name: 'double', credits: 1 }], onBatch: doubled });
    expect(numbersOf(await answer)).toEqual([8]);
  });

  it('fails an unknown model and holds a known one until a worker has it', async () => {
    await worker({ models: [{ name: 'gen', credits: 1 }] });
    const unknown = await infer('nothing', [ints([[1]])]);
    expect((await unknown.answer).outcome.error?.code).toBe('NOT_FOUND');
    const { answer } = await infer('double', [ints([[4]])]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await worker({ models: [{ name: 'double', credits: 1 }], onBatch: doubled });
    expect(numbersOf(await answer)).toEqual([8]);
  });

  it('tells how many requests of a version are outstanding, also without a worker, and 0 when there are none', async () => {
    await worker({ models: [{ name: 'gen', credits: 1 }] });
    const outstanding = () => harness.metric('outstanding_requests', { model: 'double', version: '1', pool: 'cpu' }); // prettier-ignore
    const calls = await Promise.all(Array.from({ length: 3 }, (_, i) => infer('double', [ints([[i]])])));
    await until(async () => (await outstanding()) === 3);
    expect(await harness.metric('queue_parked', { priority: 'standard' })).toBe(3);
    await worker({ models: [{ name: 'double', credits: 1 }], onBatch: doubled });
    await Promise.all(calls.map(({ answer }) => answer));
    await until(async () => (await outstanding()) === 0);
    const known = await harness.samples('outstanding_requests');
    expect(new Set(known.map(({ model }) => model))).toEqual(new Set(['double', 'gen', 'twice']));
  });

  it('logs the tokens of a stream and goes on elsewhere from where a lost worker was', async () => {
    const chunk = (w: FakeWorker, id: string, offset: number, tokens: number[], more = {}) =>
      w.stream.send({ tokens: { id, epoch: 0, offset, tokens, text: tokens.join(','), ...more } });
    const lost = await worker({
      models: [{ name: 'gen', credits: 1 }],
      onGeneration: ({ item }, w) => chunk(w, item?.id ?? '', 0, [7, 8]),
    });
    const { id, answer } = await infer('gen', [text('hi')], {
      mode: 'stream',
      params: { seed: 3, stop: ['.'] },
    });
    while ((await harness.queue.tokens(id, 'default', 0)).length === 0)
      await new Promise((r) => setTimeout(r, 20));
    const second = await worker({
      models: [{ name: 'gen', credits: 1 }],
      onGeneration: ({ item }, w) => {
        const end = { reason: 'stop', text: '7,8,9', prompt_tokens: 1, completion_tokens: 3 };
        chunk(w, item?.id ?? '', 2, [9], { end });
      },
    });
    void lost.close();
    const settled = await answer;
    expect(textOf(settled)).toBe('7,8,9');
    expect(settled.outcome).toMatchObject({
      finish: 'stop',
      usage: { prompt_tokens: 1, completion_tokens: 3 },
    });
    expect(second.generations[0]).toMatchObject({
      prompt: 'hi',
      resume: [7, 8],
      sampling: { seed: 3, stop: ['.'] },
    });
    expect((await harness.queue.tokens(id, 'default', 1)).map((c) => c.text)).toEqual(['7,8', '9']);
  });
});
