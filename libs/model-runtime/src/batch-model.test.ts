import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@frontier/contracts/tensor';
import { BatchModel, type BatchJob } from './batch-model.ts';
import { nowUs, type BatchOutcome } from './protocol.ts';
import { RecordedEvents, shippedModel } from './testing.ts';

const loaded: BatchModel[] = [];

async function load(...args: Parameters<typeof shippedModel>): Promise<[BatchModel, RecordedEvents]> {
  const events = new RecordedEvents();
  const model = await BatchModel.load({ model: await shippedModel(...args), providers: ['cpu'], events });
  loaded.push(model);
  return [model, events];
}

function run(model: BatchModel, job: Omit<BatchJob, 'receivedUs'>): Promise<BatchOutcome> {
  return model.run({ ...job, receivedUs: nowUs() });
}

afterEach(async () => {
  await Promise.all(loaded.splice(0).map((model) => model.close()));
});

function int32(name: string, values: number[], shape: number[]): Tensor {
  return { name, dtype: 'INT32', shape, data: new Uint8Array(Int32Array.from(values).buffer) };
}

function valuesOf(tensor: Tensor | undefined): number[] {
  if (!tensor) throw new Error('no such output');
  return [...new Int32Array(tensor.data.slice().buffer)];
}

function rowsOf(first: number, rows: number): number[] {
  return Array.from({ length: rows * 16 }, (_, i) => first + i);
}

test('simple: sums and differences, of several rows in one execution', async () => {
  const [model, events] = await load('simple');
  expect(events.readies).toMatchObject([{ provider: 'cpu', fallbacks: [] }]);
  const a = rowsOf(100, 3);
  const b = rowsOf(-7, 3);
  const outcome = await run(model, {
    rows: 3,
    tensors: [int32('INPUT0', a, [3, 16]), int32('INPUT1', b, [3, 16])],
  });
  expect(outcome.tensors.map((t) => [t.name, t.dtype, t.shape])).toEqual([
    ['OUTPUT0', 'INT32', [3, 16]],
    ['OUTPUT1', 'INT32', [3, 16]],
  ]);
  expect(valuesOf(outcome.tensors[0])).toEqual(a.map((x, i) => x + (b[i] ?? NaN)));
  expect(valuesOf(outcome.tensors[1])).toEqual(a.map((x, i) => x - (b[i] ?? NaN)));
  expect(outcome.rowErrors).toEqual([]);
  expect(outcome.computeUs).toBeGreaterThan(0);
  expect(outcome.waitUs).toBeGreaterThanOrEqual(0);
});

test('bytes at any offset of a larger buffer are taken as they are, and stay with their owner', async () => {
  const [model] = await load('simple');
  const packed = new Uint8Array(1 + 64);
  packed.set(new Uint8Array(Int32Array.from(rowsOf(1, 1)).buffer), 1);
  const tensor: Tensor = { name: 'INPUT0', dtype: 'INT32', shape: [1, 16], data: packed.subarray(1) };
  const outcome = await run(model, { rows: 1, tensors: [tensor, { ...tensor, name: 'INPUT1' }] });
  expect(valuesOf(outcome.tensors[0])).toEqual(rowsOf(1, 1).map((x) => 2 * x));
  expect(packed[1]).toBe(1);
});

test('many batches at once: each gets its own answer', async () => {
  const [model] = await load('simple', { instances: 2 });
  expect(model.capacity).toBe(4);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const tensor = int32('INPUT0', rowsOf(i, 1), [1, 16]);
      return run(model, { rows: 1, tensors: [tensor, { ...tensor, name: 'INPUT1' }] });
    }),
  );
  answers.forEach((answer, i) => expect(valuesOf(answer.tensors[0])).toEqual(rowsOf(i, 1).map((x) => 2 * x)));
});

test('a batch that the graph refuses fails alone', async () => {
  const [model, events] = await load('simple');
  const good = int32('INPUT0', rowsOf(1, 1), [1, 16]);
  const runTensors = (tensors: Tensor[]) => run(model, { rows: 1, tensors });
  const pair = [good, { ...good, name: 'INPUT1' }];
  await expect(runTensors([good])).rejects.toMatchObject({ code: 'INTERNAL_ERROR', message: /INPUT1/ });
  await expect(runTensors([good, int32('INPUT1', [1, 2], [1, 2])])).rejects.toMatchObject({
    code: 'INTERNAL_ERROR',
  });
  // More rows than the batch says: nobody could tell whose they are.
  await expect(runTensors([int32('INPUT0', rowsOf(1, 2), [2, 16]), int32('INPUT1', rowsOf(1, 2), [2, 16])])).rejects.toMatchObject({
    message: 'model output OUTPUT0: shape [2,16] for 1 rows',
  }); // prettier-ignore
  await expect(runTensors(pair)).resolves.toMatchObject({ rowErrors: [] });
  expect(events.deaths).toEqual([]);
});

test('an execution provider that is not here falls back to the next, and says so', async () => {
  const events = new RecordedEvents();
  const model = await shippedModel('simple');
  loaded.push(await BatchModel.load({ model, providers: ['cuda', 'tensorrt'], events }));
  expect(events.readies).toMatchObject([
    { provider: 'cpu', fallbacks: [{ provider: 'cuda' }, { provider: 'tensorrt' }] },
  ]);
  expect(events.readies[0]?.fallbacks[0]?.reason).toContain('library');
});

test('what cannot be loaded is refused with the reason', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'broken-'));
  const file = join(dir, 'model.onnx');
  await writeFile(file, 'not a graph');
  const model = await shippedModel('simple');
  const options = { providers: ['cpu' as const], events: new RecordedEvents() };
  await expect(BatchModel.load({ ...options, model: { ...model, artifact: file } })).rejects.toThrow(
    'Protobuf',
  );
  const unknown = { ...model, spec: { ...model.spec, preprocess: [{ use: 'magic' }] } };
  await expect(BatchModel.load({ ...options, model: unknown })).rejects.toThrow('unknown step magic');
  const output = { ...model, spec: { ...model.spec, outputs: [{ ...model.spec.outputs[0]!, name: 'Z' }] } };
  await expect(BatchModel.load({ ...options, model: output })).rejects.toThrow('the graph has no output Z');
  expect(options.events.deaths).toEqual([]);
  await rm(dir, { recursive: true });
});

test('close finishes what runs; after it nothing does', async () => {
  const [model] = await load('simple');
  const tensor = int32('INPUT0', rowsOf(1, 1), [1, 16]);
  const job = { rows: 1, tensors: [tensor, { ...tensor, name: 'INPUT1' }] };
  const running = run(model, job);
  await model.close();
  expect((await running).tensors).toHaveLength(2);
  await expect(run(model, job)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
