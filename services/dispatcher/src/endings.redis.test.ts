import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import { doubled } from './testing/fake-worker.ts';
import { Harness, ints, numbersOf, until } from './testing/harness.ts';

const harness = new Harness();

beforeAll(() => harness.open());
afterAll(() => harness.close());
beforeEach(() => harness.start());
afterEach(() => harness.stop());

const numbersIn = (batch: Batch__Output) =>
  Array.from(new Int32Array(new Uint8Array(batch.inputs[0]?.data ?? []).buffer));
const failing = (code: string, transient: boolean) => ({
  error: { code, message: `it is ${code}`, transient },
});
const model = (credits: number) => [{ name: 'double', credits }];

describe('how a request ends', () => {
  it('a poisonous item in a batch fails alone, and nobody else is charged', async () => {
    const POISON = 13;
    let poisoned = 0;
    const w = await harness.worker({
      models: model(0),
      onBatch: (batch) => {
        if (!numbersIn(batch).includes(POISON)) return doubled(batch);
        poisoned += 1;
        return failing('INTERNAL_ERROR', false);
      },
    });
    const calls = await Promise.all(
      Array.from({ length: 16 }, (_, i) => harness.infer('double', [ints([[i]])])),
    );
    w.stream.send({ credit: { model: 'double', version: '1', count: 1 } });
    const ends = await Promise.all(calls.map(({ answer }) => answer));
    expect(ends.map((end) => numbersOf(end))).toEqual(ends.map((_, i) => (i === POISON ? [] : [2 * i])));
    expect(ends[POISON]?.outcome).toMatchObject({
      status: 'failed',
      error: { message: 'it is INTERNAL_ERROR' },
    });
    // 16 → 8 → 4 → 2 → 1
    expect(poisoned).toBe(5);
    await until(async () => (await harness.metric('dead_letters_total', { kind: 'permanent' })) === 1);
    expect(await harness.metric('retries_total')).toBe(0);
  });

  it('an item that kills its worker is found by halving, and is tried alone twice', async () => {
    let poisoned = 0;
    let running = true;
    const start = async (): Promise<void> => {
      await harness.worker({
        models: model(1),
        onBatch: (batch, self) => {
          if (!numbersIn(batch).includes(3)) return doubled(batch);
          poisoned += 1;
          void self.close().then(async () => {
            if (running) await start();
          });
          return undefined;
        },
      });
    };
    const calls = await Promise.all(
      Array.from({ length: 8 }, (_, i) => harness.infer('double', [ints([[i]])])),
    );
    await start();
    const ends = await Promise.all(calls.map(({ answer }) => answer));
    running = false;
    expect(ends.filter(({ outcome }) => outcome.status === 'completed')).toHaveLength(7);
    expect(ends[3]?.outcome).toMatchObject({ status: 'failed' });
    expect(poisoned).toBeLessThanOrEqual(5); // 8, 4, 2, 1, 1
    await until(async () => (await harness.metric('dead_letters_total', { kind: 'crash' })) === 1);
  });

  it('an error that passes is tried again later, in a job of its own, within its attempts', async () => {
    let runs = 0;
    await harness.worker({
      models: model(1),
      onBatch: (batch) => (++runs < 3 ? failing('UPSTREAM_ERROR', true) : doubled(batch)),
    });
    const { answer } = await harness.infer('double', [ints([[4]])], { timeoutMs: 20_000 });
    expect(numbersOf(await answer)).toEqual([8]);
    expect(runs).toBe(3);
    expect(await harness.metric('retries_total')).toBe(2);
  });

  it('attempts that are used up make a dead letter with its history', async () => {
    await harness.worker({ models: model(1), onBatch: () => failing('UPSTREAM_ERROR', true) });
    const { id, answer } = await harness.infer('double', [ints([[4]])], { timeoutMs: 20_000 });
    expect((await answer).outcome).toMatchObject({ status: 'failed', error: { code: 'UPSTREAM_ERROR' } });
    const letter = await harness.shard.letter(id);
    expect(letter).toMatchObject({
      kind: 'transient',
      attempts: 3,
      crashes: 0,
      error: { code: 'UPSTREAM_ERROR' },
    });
    expect(letter?.request.failures).toHaveLength(3);
  });

  it('a worker that answers rubbish is nobody else’s trouble', async () => {
    const sound = () => harness.worker({ models: model(1), onBatch: doubled });
    await harness.worker({
      models: model(1),
      onBatch: (batch) => ({ outputs: doubled(batch).outputs?.map((o) => ({ ...o, shape: [7, 1] })) ?? [] }),
    });
    const { answer } = await harness.infer('double', [ints([[1]])], { timeoutMs: 20_000 });
    await until(async () => (await harness.metric('worker_wrong_answers_total')) > 0);
    await sound();
    await sound();
    await sound();
    const end = await answer;
    expect(['completed', 'failed']).toContain(end.outcome.status);
    expect(end.outcome.status === 'completed' ? numbersOf(end) : end.outcome.error?.message).not.toEqual([]);
  });

  it('what is late or cancelled never runs; what is late becomes a dead letter', async () => {
    const late = await harness.infer('double', [ints([[1]])], { timeoutMs: 150 });
    const gone = await harness.infer('double', [ints([[2]])]);
    await harness.queue.cancel(gone.id, 'default');
    expect((await gone.answer).outcome.status).toBe('cancelled');
    expect((await late.answer).outcome.status).toBe('timeout');
    const w = await harness.worker({ models: model(1), onBatch: doubled });
    const { answer } = await harness.infer('double', [ints([[3]])]);
    await answer;
    await until(async () => (await harness.shard.letter(late.id)) !== undefined);
    expect(w.batches.flatMap(numbersIn)).toEqual([3]);
    expect((await harness.shard.letter(late.id))?.kind).toBe('deadline');
    expect(await harness.shard.letter(gone.id)).toBeUndefined();
  });

  it('a request that is larger than a batch runs in parts and comes back whole', async () => {
    const w = await harness.worker({ models: model(2), onBatch: doubled });
    const rows = Array.from({ length: 50 }, (_, i) => [i]);
    const { answer } = await harness.infer('double', [ints(rows)]);
    expect(numbersOf(await answer)).toEqual(rows.map(([n]) => 2 * (n as number)));
    expect(w.batches.every((batch) => numbersIn(batch).length <= 16)).toBe(true);
  });

  it('requests of a model without a worker are parked and stand in nobody’s way', async () => {
    await harness.worker({ models: model(1), onBatch: doubled });
    const held = await Promise.all(
      Array.from({ length: 40 }, () => harness.infer('gen', [ints([[1]])], { timeoutMs: 1_000 })),
    );
    await until(async () => (await harness.shard.field('held', '*')) === '40');
    const { answer } = await harness.infer('double', [ints([[5]])]);
    expect(numbersOf(await answer)).toEqual([10]);
    const ends = await Promise.all(held.map((call) => call.answer));
    expect(new Set(ends.map(({ outcome }) => outcome.status))).toEqual(new Set(['timeout']));
    await until(async () => (await harness.shard.field('held', '*')) !== '40');
  });

  it('a job that nobody understands becomes a dead letter; one of a newer version stays', async () => {
    await harness.worker({ models: model(1), onBatch: doubled });
    await harness.shard.addJob('b-hand', { hello: 'world' });
    await harness.shard.addJob('b-newer', { v: 2, requests: [] });
    await until(async () => (await harness.shard.letter('b-hand')) !== undefined);
    expect((await harness.shard.letter('b-hand'))?.kind).toBe('unreadable');
    const { answer } = await harness.infer('double', [ints([[6]])]);
    expect(numbersOf(await answer)).toEqual([12]);
    expect(await harness.shard.jobState('b-newer')).toBe('delayed');
  });
});
