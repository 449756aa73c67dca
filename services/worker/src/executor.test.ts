import type { BatchJob } from '@frontier/model-runtime/batch-model';
import type { BatchOutcome } from '@frontier/model-runtime/protocol';
import { Executor, type ExecutorModel } from './executor.ts';

const OUTCOME: BatchOutcome = { tensors: [], rowErrors: [], computeUs: 1, waitUs: 0 };

/** Runs until it is told to end; remembers in which order batches began. */
class FakeModel implements ExecutorModel {
  readonly capacity: number;
  readonly begun: number[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  run({ rows }: BatchJob): Promise<BatchOutcome> {
    this.begun.push(rows);
    return new Promise((resolve) => this.#ends.push(() => resolve(OUTCOME)));
  }

  async endOne(): Promise<void> {
    this.#ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const open = new AbortController().signal;

/** The batch is known by its number of rows. */
function task(model: FakeModel, rows: number, change: { deadline?: number; signal?: AbortSignal } = {}) {
  return { model, job: { rows, tensors: [], receivedUs: 0 }, deadline: Infinity, signal: open, ...change };
}

test('starts in order, at most so many at once', async () => {
  const running: number[] = [];
  const executor = new Executor(2, (n) => running.push(n));
  const model = new FakeModel(10);
  const all = [1, 2, 3, 4].map((rows) => executor.run(task(model, rows)));
  expect(model.begun).toEqual([1, 2]);
  await model.endOne();
  expect(model.begun).toEqual([1, 2, 3]);
  await model.endOne();
  await model.endOne();
  await model.endOne();
  await Promise.all(all);
  expect(model.begun).toEqual([1, 2, 3, 4]);
  expect(Math.max(...running)).toBe(2);
  expect(running.at(-1)).toBe(0);
});

test('a model that is full lets another one pass', async () => {
  const executor = new Executor(4, () => {});
  const full = new FakeModel(1);
  const other = new FakeModel(1);
  void executor.run(task(full, 1));
  void executor.run(task(full, 2));
  void executor.run(task(other, 3));
  expect(full.begun).toEqual([1]);
  expect(other.begun).toEqual([3]);
  await full.endOne();
  expect(full.begun).toEqual([1, 2]);
});

test('what nobody waits for, or is too late, is not begun', async () => {
  const executor = new Executor(1, () => {});
  const model = new FakeModel(1);
  const gone = new AbortController();
  void executor.run(task(model, 1));
  const cancelled = executor.run(task(model, 2, { signal: gone.signal }));
  const late = executor.run(task(model, 3, { deadline: performance.now() - 1 }));
  const last = executor.run(task(model, 4));
  gone.abort();
  const outcomes = Promise.allSettled([cancelled, late]);
  await model.endOne();
  expect(await outcomes).toMatchObject([{ reason: { code: 'CANCELLED' } }, { reason: { code: 'TIMEOUT' } }]);
  expect(model.begun).toEqual([1, 4]);
  await model.endOne();
  await last;
});
