import { Registry } from 'prom-client';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import type { Batch } from '@frontier/rpc/gen/dispatch/v1/Batch';
import type { Generation } from '@frontier/rpc/gen/dispatch/v1/Generation';
import { shape } from './config.ts';
import { WorkerService } from './service.ts';
import { FakeDispatcher } from './testing/fake-dispatcher.ts';

const log = createLogger({ service: 'worker', level: 'silent' });
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop();
});

async function dispatcher(port?: number): Promise<FakeDispatcher> {
  const fake = new FakeDispatcher(port);
  await fake.start();
  running.push(fake);
  return fake;
}

async function worker(dispatchers: FakeDispatcher[], env: Record<string, string> = {}) {
  const registry = new Registry();
  const config = parseEnv(shape, {
    MODEL_REPOSITORY: `${__dirname}/../../../models`,
    MODELS: 'simple,tiny-gpt',
    DISPATCHERS: dispatchers.map(({ address }) => address).join(','),
    RESOLVE_EVERY_MS: '50',
    ...env,
  });
  const service = new WorkerService(config, { log, registry });
  running.push(service);
  await service.start();
  return { service, registry };
}

function bytes(values: number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}

/** A batch of `simple`; each item has one row of its own number. */
function simple(id: string, items: number[], change: Partial<Batch> = {}): { batch: Batch } {
  const data = bytes(items.flatMap((n) => new Array<number>(16).fill(n)));
  const shape = [items.length, 16];
  return {
    batch: {
      id,
      model: 'simple',
      version: '1',
      items: items.map((n) => ({ id: `i${n}`, epoch: 0, rows: 1 })),
      inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'INT32', shape, data })),
      timeout_ms: 5_000,
      ...change,
    },
  };
}

function tinyGpt(id: string, change: Partial<Generation> = {}): { generation: Generation } {
  const sampling = { temperature: 1, top_k: 0, top_p: 1, seed: 7, max_new_tokens: 20, stop: [] };
  const item = { id, epoch: 3, rows: 1 };
  return { generation: { item, model: 'tiny-gpt', version: '1', prompt: 'Once upon a time', sampling, timeout_ms: 10_000, ...change } }; // prettier-ignore
}

test('registers what is ready and grants one credit to compute and one to wait', async () => {
  const fake = await dispatcher();
  const { service, registry } = await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  expect(fake.registrations).toMatchObject([
    {
      pool: 'cpu',
      models: [
        { name: 'simple', version: '1', capacity: 2, instances: 1, provider: 'cpu' },
        { name: 'tiny-gpt', version: '1', capacity: 8, instances: 8, provider: 'cpu' },
      ],
    },
  ]);
  expect([fake.creditsOf('simple'), fake.creditsOf('tiny-gpt')]).toEqual([2, 8]);
  expect(service.ready()).toBe(true);
  const text = await registry.metrics();
  expect(text).toContain('worker_capacity{model="tiny-gpt",version="1",pool="cpu"} 8');
  expect(text).toContain('model_load_seconds_count{model="simple",version="1",pool="cpu"} 1');
});

test('executes batches; each answer says whose it is, and gives the credit back by itself', async () => {
  const fake = await dispatcher();
  const { registry } = await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  for (let i = 0; i < 20; i++) fake.send(simple(`b${i}`, [i, i + 100]));
  await fake.until(() => fake.results.length === 20);
  for (const result of fake.results) {
    const i = Number(result.batch_id.slice(1));
    expect(result).toMatchObject({ error: null, item_errors: [], output_rows: [] });
    const [sum] = result.outputs;
    expect(sum).toMatchObject({ name: 'OUTPUT0', datatype: 'INT32', shape: [2, 16] });
    expect(sum?.data.readInt32LE(0)).toBe(2 * i);
    expect(sum?.data.readInt32LE(64)).toBe(2 * (i + 100));
    expect(result.compute_us).toBeGreaterThan(0);
  }
  expect(fake.credits).toHaveLength(2);
  const text = await registry.metrics();
  expect(text).toContain('worker_inference_seconds_count{model="simple",version="1",pool="cpu"} 20');
  expect(text).toContain('worker_rows_total{model="simple",version="1",pool="cpu"} 40');
  expect(text).toContain('worker_busy{model="simple",version="1",pool="cpu"} 0');
});

test('what cannot be executed is answered with its reason', async () => {
  const fake = await dispatcher();
  await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  fake.send(simple('bad', [1], { inputs: [{ name: 'INPUT0', datatype: 'INT32', shape: [1, 2], data: bytes([1, 2]) }] }));
  fake.send(simple('unknown', [1], { version: '9' }));
  fake.send(simple('kind', [1], { model: 'tiny-gpt' }));
  fake.send(simple('type', [1], { inputs: [{ name: 'INPUT0', datatype: 'INT3', shape: [1], data: bytes([1]) }] }));
  fake.send(simple('late', [1], { timeout_ms: 0 }));
  fake.send({ generation: { ...tinyGpt('g').generation, model: 'simple' } });
  await fake.until(() => fake.results.length === 5 && fake.chunks.length === 1);
  const errors = Object.fromEntries(fake.results.map(({ batch_id, error }) => [batch_id, error]));
  expect(errors).toMatchObject({
    bad: { code: 'INTERNAL_ERROR', transient: false },
    unknown: { code: 'UNAVAILABLE', transient: true },
    kind: { code: 'UNAVAILABLE', transient: true },
    type: { code: 'INVALID_INPUT', transient: false },
    late: { code: 'TIMEOUT', transient: false },
  });
  expect(fake.chunks[0]?.end?.error).toMatchObject({ code: 'UNAVAILABLE', transient: true });
}); // prettier-ignore

test('generates: chunks in order, the last one with usage', async () => {
  const fake = await dispatcher();
  const { registry } = await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  fake.send(tinyGpt('g'));
  await fake.until(() => fake.chunks.some((chunk) => chunk.end));
  const end = fake.chunks.at(-1)?.end;
  expect(fake.chunks.map((chunk) => chunk.text).join('')).toBe(end?.text);
  expect(fake.chunks.every((chunk) => chunk.id === 'g' && chunk.epoch === 3)).toBe(true);
  expect(fake.chunks.flatMap((chunk) => chunk.tokens)).toHaveLength(end?.completion_tokens ?? NaN);
  const text = await registry.metrics();
  expect(text).toContain(`worker_tokens_total{model="tiny-gpt",version="1",pool="cpu",kind="completion"} ${end?.completion_tokens}`); // prettier-ignore
  expect(text).toContain('worker_first_token_seconds_count{model="tiny-gpt",version="1",pool="cpu"} 1');
  expect(text).toContain('worker_slots_busy{model="tiny-gpt",version="1",pool="cpu"} 0');
});

test('a cancelled generation ends', async () => {
  const fake = await dispatcher();
  await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  const sampling = { temperature: 1.5, top_k: 0, top_p: 1, seed: 1, max_new_tokens: 240, stop: [] };
  fake.send(tinyGpt('g', { sampling }));
  await fake.until(() => fake.chunks.length > 0);
  fake.send({ cancel: { ids: ['g', 'nobody'] } });
  await fake.until(() => fake.chunks.some((chunk) => chunk.end));
  expect(fake.chunks.at(-1)?.end?.reason).toBe('cancelled');
});

test('a stream that breaks ends its generations, and the next one starts with full credit', async () => {
  const fake = await dispatcher();
  const { registry } = await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  fake.send(tinyGpt('g', { sampling: { temperature: 1.5, top_k: 0, top_p: 1, seed: 1, max_new_tokens: 240, stop: [] } }));
  await fake.until(() => fake.chunks.length > 0);
  fake.hangUp();
  await fake.until(() => fake.streams === 2 && fake.credits.length === 2);
  expect(fake.registrations).toHaveLength(2);
  expect([fake.creditsOf('simple'), fake.creditsOf('tiny-gpt')]).toEqual([2, 8]);
  fake.send(simple('b', [4]));
  await fake.until(() => fake.results.length === 1);
  expect(await registry.metrics()).toContain('worker_busy{model="tiny-gpt",version="1",pool="cpu"} 0');
}); // prettier-ignore

test('several dispatchers share the capacity', async () => {
  const fakes = [await dispatcher(), await dispatcher(), await dispatcher()];
  await worker(fakes);
  await Promise.all(fakes.map((fake) => fake.until(() => fake.credits.length === 2)));
  for (const fake of fakes) expect([fake.creditsOf('simple'), fake.creditsOf('tiny-gpt')]).toEqual([1, 3]);
  fakes.forEach((fake, i) => fake.send(simple(`b${i}`, [i])));
  await Promise.all(fakes.map((fake) => fake.until(() => fake.results.length === 1)));
});

test('drains: says so, ends what runs, then the stream ends', async () => {
  const fake = await dispatcher();
  const { service } = await worker([fake]);
  await fake.until(() => fake.credits.length === 2);
  fake.send(tinyGpt('g'));
  fake.send(simple('b', [1]));
  await fake.until(() => fake.chunks.length > 0);
  await service.stop();
  expect(fake.drained).toBe(true);
  expect(fake.results).toHaveLength(1);
  expect(fake.chunks.at(-1)?.end?.reason).toMatch(/stop|length/);
  expect(fake.ended).toBe(1);
});

test('what does not end in time goes back to the dispatcher', async () => {
  const fake = await dispatcher();
  const { service } = await worker([fake], { DRAIN_MS: '1' });
  await fake.until(() => fake.credits.length === 2);
  fake.send(tinyGpt('g', { sampling: { temperature: 1.5, top_k: 0, top_p: 1, seed: 1, max_new_tokens: 240, stop: [] } }));
  await fake.until(() => fake.chunks.length > 0);
  await service.stop();
  await fake.until(() => fake.ended === 1);
  expect(fake.chunks.some((chunk) => chunk.end && chunk.end.reason !== 'cancelled')).toBe(false);
}); // prettier-ignore

test('an execution provider that is not here is told about, and the next one is offered', async () => {
  const fake = await dispatcher();
  const { registry } = await worker([fake], { EXECUTION_PROVIDERS: 'cuda,cpu', MODELS: 'simple' });
  await fake.until(() => fake.credits.length === 1);
  expect(fake.registrations[0]?.models[0]?.provider).toBe('cpu');
  expect(await registry.metrics()).toContain('execution_provider_fallback_total{model="simple",version="1",pool="cpu",wanted="cuda",got="cpu"} 1'); // prettier-ignore
});

test('a worker without a model it could load does not start', async () => {
  const fake = await dispatcher();
  await expect(worker([fake], { MODELS: 'nothing' })).rejects.toThrow('no model could be loaded');
});
