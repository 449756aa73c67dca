import type { ModelTraffic } from '@frontier/contracts/traffic';
import { createLogger } from '@frontier/kit/logger';
import { connect, disconnect, whenReady, type RedisClient } from '@frontier/redis/connection';
import { TrafficStore } from '@frontier/redis/traffic';
import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import { doubled, type FakeWorker } from './testing/fake-worker.ts';
import { Harness, ints, numbersOf, prompt, textOf, until } from './testing/harness.ts';

const harness = new Harness();
let redis: RedisClient;
let traffic: TrafficStore;

beforeAll(async () => {
  await harness.open();
  await harness.publish('double', '2');
  await harness.publish('gen', '2');
  redis = connect({ url: harness.redis.url, name: 'test', log: createLogger({ service: 'test', level: 'silent' }) }); // prettier-ignore
  await whenReady(redis, 5_000);
  traffic = new TrafficStore(redis);
});
afterAll(async () => {
  await disconnect(redis);
  await harness.close();
});
beforeEach(async () => {
  await direct('double');
  await direct('gen');
  await harness.start();
});
afterEach(() => harness.stop());

/** Puts 2 beside 1, or blocks it. */
async function direct(model: string, change: Partial<ModelTraffic> = {}): Promise<void> {
  const now = await traffic.get(model);
  const rollout = { id: 'r', salt: 's', mode: 'canary', canary: '2', share: 500 } as const;
  const next = { model, stable: '1', blocked: [], rollout, shadow: null, experiment: null, ...change };
  await traffic.put(next, now?.epoch ?? 0);
}
const rolledBack = { rollout: null, blocked: ['2'] };

const one = (credits: number) => ({ name: 'double', credits });
const two = (credits: number) => ({ name: 'double', version: '2', credits });
const canary = (n: number) => harness.infer('double', [ints([[n]])], { version: '2', variant: 'canary' });

describe('versions', () => {
  it('asks workers for a version that somebody waits for, and runs it when one offers it', async () => {
    const worker = await harness.worker({ models: [one(1)], onBatch: doubled });
    const { answer } = await harness.infer('double', [ints([[4]])], { version: '2' });
    await until(() => worker.wanted.includes('double@2'));
    worker.offer([one(1), two(1)]);
    expect(numbersOf(await answer)).toEqual([8]);
    expect(worker.batches[0]).toMatchObject({ model: 'double', version: '2' });
  });

  it('asks for the steps of an ensemble', async () => {
    const worker = await harness.worker({ models: [], onBatch: doubled });
    const { answer } = await harness.infer('twice', [ints([[1]])]);
    await until(() => worker.wanted.includes('double@1'));
    worker.offer([one(2)]);
    expect(JSON.parse(textOf(await answer))).toEqual({ rows: [{ twice: [2], four: [4] }] });
  });

  it('a version that a worker offers no more gets nothing; what it has of it ends', async () => {
    const worker = await harness.worker({ models: [one(2)] });
    const first = await harness.infer('double', [ints([[1]])]);
    await until(() => worker.batches.length === 1);
    worker.offer([]);
    const second = await harness.infer('double', [ints([[2]])]);
    await until(() => worker.wanted.includes('double@1'));
    const [batch] = worker.batches;
    worker.stream.send({ result: { batch_id: batch?.id ?? '', ...doubled(batch as NonNullable<typeof batch>) } }); // prettier-ignore
    expect(numbersOf(await first.answer)).toEqual([2]);
    expect(worker.batches).toHaveLength(1);
    const other = await harness.worker({ models: [one(1)], onBatch: doubled });
    expect(numbersOf(await second.answer)).toEqual([4]);
    expect(other.batches).toHaveLength(1);
  });

  it('knows a version as soon as it is published, and forgets one that is gone', async () => {
    await harness.worker({ models: [{ name: 'double', version: '3', credits: 1 }], onBatch: doubled });
    const early = await harness.infer('double', [ints([[1]])], { version: '3' });
    await harness.publish('double', '3');
    expect(numbersOf(await early.answer)).toEqual([2]);
    await harness.unpublish('double', '3');
    await until(async () => {
      const { answer } = await harness.infer('double', [ints([[1]])], { version: '3' });
      return (await answer).outcome.error?.code === 'NOT_FOUND';
    });
  });
});

describe('rollouts', () => {
  it('control and canary share no batch with the others, and the outcome says what was assigned', async () => {
    const worker = await harness.worker({ models: [one(0), two(0)], onBatch: doubled });
    const variants = [undefined, 'control', undefined, 'control'] as const;
    const calls = await Promise.all(variants.map((variant, i) => harness.infer('double', [ints([[i]])], { variant }))); // prettier-ignore
    calls.push(await canary(7));
    worker.offer([one(3), two(1)]);
    const ends = await Promise.all(calls.map(({ answer }) => answer));
    expect(ends.map(({ outcome }) => [outcome.version, outcome.variant])).toEqual([['1', undefined], ['1', 'control'], ['1', undefined], ['1', 'control'], ['2', 'canary']]); // prettier-ignore
    const ids = calls.map(({ id }) => id);
    const batches = worker.batches.map(({ version, items }) => [version, ...items.map(({ id }) => ids.indexOf(id)).sort((a, b) => a - b)]); // prettier-ignore
    expect(batches).toEqual(
      expect.arrayContaining([
        ['1', 0, 2],
        ['1', 1, 3],
        ['2', 4],
      ]),
    );
  });

  it('what waits for a canary that is rolled back runs on stable at once', async () => {
    const stable = await harness.worker({ models: [one(2)], onBatch: doubled });
    const slow = await harness.worker({ models: [two(1)] });
    const running = await canary(1);
    await until(() => slow.batches.length === 1);
    const waiting = await Promise.all([canary(2), canary(3)]);
    await direct('double', rolledBack);
    const ends = await Promise.all(waiting.map(({ answer }) => answer));
    expect(ends.map(numbersOf)).toEqual([[4], [6]]);
    for (const { outcome } of ends) expect(outcome).toMatchObject({ version: '1', variant: 'canary' });
    expect(stable.batches.map(({ version }) => version)).toContain('1');
    // What a worker had runs again on stable, too, when it is lost.
    await slow.close();
    expect((await running.answer).outcome).toMatchObject({ status: 'completed', version: '1' });
    expect(slow.batches).toHaveLength(1);
  });

  it('the parts of a large request that moves all run on one version', async () => {
    const stable = await harness.worker({ models: [one(2)], onBatch: doubled });
    const slow = await harness.worker({ models: [two(1)] });
    const rows = Array.from({ length: 20 }, (_, i) => [i]);
    const { answer } = await harness.infer('double', [ints(rows)], { version: '2', variant: 'canary' });
    await until(() => slow.batches.length === 1);
    await direct('double', rolledBack);
    await until(() => stable.batches.length === 1);
    const [batch] = slow.batches as [Batch__Output];
    const wrong = doubled(batch);
    for (const output of wrong.outputs ?? []) output.data = Buffer.alloc((output.data as Buffer).length);
    slow.stream.send({ result: { batch_id: batch.id, ...wrong } });
    const end = await answer;
    expect(numbersOf(end)).toEqual(rows.map(([n = 0]) => 2 * n));
    expect(end.outcome.version).toBe('1');
  });

  it('what is parked for a canary runs on stable once that is rolled back', async () => {
    const stable = await harness.worker({ models: [one(1)], onBatch: doubled });
    const { answer } = await canary(5);
    await until(() => stable.wanted.includes('double@2'));
    await direct('double', rolledBack);
    expect((await answer).outcome).toMatchObject({ status: 'completed', version: '1', variant: 'canary' });
  });

  it('what a canary failed is tried again on stable', async () => {
    const failing = { error: { code: 'UNAVAILABLE', message: 'gone', transient: true } };
    const worker = await harness.worker({
      models: [one(1), two(1)],
      onBatch: (batch) => (batch.version === '1' ? doubled(batch) : failing),
    });
    const { answer } = await canary(6);
    await until(() => worker.batches.length > 0);
    await direct('double', rolledBack);
    const end = await answer;
    expect(numbersOf(end)).toEqual([12]);
    expect(end.outcome).toMatchObject({ version: '1', variant: 'canary' });
  });

  it('a version that a caller named is left alone when its rollout ends', async () => {
    const worker = await harness.worker({ models: [one(1), two(0)], onBatch: doubled });
    const { answer } = await harness.infer('double', [ints([[1]])], { version: '2' });
    await direct('double', { rollout: null });
    worker.stream.send({ credit: { model: 'double', version: '2', count: 1 } });
    expect((await answer).outcome).toMatchObject({ version: '2' });
  });

  it('sequences move, too', async () => {
    const end = (item: { id: string } | null, worker: FakeWorker) =>
      worker.stream.send({ tokens: { id: item?.id ?? '', epoch: 0, end: { reason: 'stop', text: 'x' } } });
    await harness.worker({
      models: [{ name: 'gen', credits: 1 }],
      onGeneration: ({ item }, worker) => end(item, worker),
    });
    await harness.worker({ models: [{ name: 'gen', version: '2', credits: 0 }] });
    const { answer } = await harness.infer('gen', [prompt('hi')], { version: '2', variant: 'canary' });
    await until(async () => (await harness.metric('queue_wait_seconds')) > 0);
    await direct('gen', rolledBack);
    expect((await answer).outcome).toMatchObject({ status: 'completed', version: '1', variant: 'canary' });
  });
});
