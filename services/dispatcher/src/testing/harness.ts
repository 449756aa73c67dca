import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { inferenceId, queuePoliciesSchema, type Priority } from '@frontier/contracts/queue';
import type { NewRequest, Settled } from '@frontier/contracts/request';
import { bytesTensor, decodeTensors, encodeTensors, type Tensor } from '@frontier/contracts/tensor';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { createInferenceQueue, type RedisInferenceQueue } from '@frontier/redis/inference-queue';
import { startRedis, type TestRedis } from '@frontier/redis/testing/redis-server';
import { ShardInspector } from '@frontier/redis/testing/shard-inspector';
import { shape } from '../config.ts';
import { createDispatcher, type Dispatcher } from '../service.ts';
import { startFakeWorker, type FakeWorker, type FakeWorkerOptions } from './fake-worker.ts';

const log = createLogger({ service: 'test', level: 'silent' });
/** An ONNX file that says the version of its format and nothing else: nobody loads it here. */
const NO_GRAPH = '\b\b';
const MODELS: Record<string, string> = {
  double: `
name: double
version: '1'
task: arithmetic
platform: onnx
artifact: { file: model.onnx }
inputs: [{ name: x, dtype: INT32, shape: [-1, -1] }]
outputs: [{ name: y, dtype: INT32, shape: [-1, -1] }]
batching: { maxRows: 16 }
`,
  twice: `
name: twice
version: '1'
task: arithmetic
platform: ensemble
inputs: [{ name: x, dtype: INT32, shape: [-1, -1] }]
outputs: [{ name: table, dtype: BYTES, shape: [-1], kind: json }]
ensemble:
  steps:
    - { model: double, inputs: { x: x }, outputs: { y: twice } }
    - { model: double, forEach: twice, inputs: { x: twice }, outputs: { y: four } }
  rows: { output: table, key: rows, columns: { twice: twice, four: four } }
`,
  gen: `
name: gen
version: '1'
task: text-generation
platform: onnx
artifact: { file: model.onnx }
inputs: [{ name: prompt, dtype: BYTES, shape: [-1], kind: text }]
outputs: [{ name: text, dtype: BYTES, shape: [-1], kind: text }]
generation: { context: 64, slots: 2, layers: 1, heads: 1, headSize: 1, endOfText: '<|end|>' }
`,
};

/** A dispatcher on a Redis of its own, with a gateway's end of the queue and workers that do what a test says. */
export class Harness {
  redis!: TestRedis;
  dispatcher!: Dispatcher;
  queue!: RedisInferenceQueue;
  /** Of the shard that `infer` uses by default. */
  shard!: ShardInspector;
  #models = '';
  #registry = new Registry();
  readonly #workers: FakeWorker[] = [];

  async open(): Promise<void> {
    this.redis = await startRedis();
    this.shard = new ShardInspector(this.redis.url, { priority: 'standard', pool: 'cpu', index: 0 });
    this.#models = await mkdtemp(join(tmpdir(), 'frontier-models-'));
    for (const name of Object.keys(MODELS)) await this.publish(name, '1');
  }

  /** Adds a version of one of the models to the repository, at once. */
  async publish(name: string, version: string): Promise<void> {
    const made = join(this.#models, `.${name}`);
    await mkdir(made);
    const yaml = (MODELS[name] as string).replace("version: '1'", `version: '${version}'`);
    await writeFile(join(made, 'model.yaml'), yaml);
    await writeFile(join(made, 'model.onnx'), NO_GRAPH);
    await writeFile(join(made, 'tokenizer.json'), '{}');
    await mkdir(join(this.#models, name), { recursive: true });
    await rename(made, join(this.#models, name, version));
  }

  /** Takes it out again. */
  async unpublish(name: string, version: string): Promise<void> {
    await rename(join(this.#models, name, version), join(this.#models, `.${name}-${version}`));
    await rm(join(this.#models, `.${name}-${version}`), { recursive: true });
  }

  async close(): Promise<void> {
    this.shard.close();
    await this.redis.stop();
    await rm(this.#models, { recursive: true });
  }

  async start(): Promise<void> {
    await this.startDispatcher();
    this.queue = createInferenceQueue({
      redisUrl: this.redis.url,
      gatewayId: `gw-${uuidv7()}`,
      policies: queuePoliciesSchema.parse({}),
      shards: 1,
      keptBytes: 10_000,
      replication: { replicas: 0, timeoutMs: 1000 },
      log,
      registry: new Registry(),
    });
    await this.queue.start();
  }

  async startDispatcher(): Promise<void> {
    const env = {
      REDIS_URL: this.redis.servicesUrl,
      DISPATCH_HOST: '127.0.0.1',
      DISPATCH_PORT: '0',
      MODEL_REPOSITORY: this.#models,
      MODEL_POLL_MS: '50',
    };
    this.#registry = new Registry();
    const context = { log, registry: this.#registry, signal: new AbortController().signal };
    this.dispatcher = createDispatcher(parseEnv(shape, env), context);
    await this.dispatcher.start();
  }

  async stop(): Promise<void> {
    await this.dispatcher.stop();
    await Promise.all(this.#workers.splice(0).map((worker) => worker.close()));
    await this.queue.stop();
  }

  async worker(options: Omit<FakeWorkerOptions, 'port'>): Promise<FakeWorker> {
    const started = await startFakeWorker({ port: this.dispatcher.port, ...options });
    this.#workers.push(started);
    return started;
  }

  async infer(
    model: string,
    inputs: Tensor[],
    extra: Partial<NewRequest> = {},
    priority: Priority = 'standard',
  ) {
    const request: NewRequest = {
      id: inferenceId(uuidv7(), { priority, pool: 'cpu', index: 0 }),
      tenant: 'default',
      model,
      version: '1',
      priority,
      pool: 'cpu',
      mode: 'sync',
      timeoutMs: 5_000,
      payload: encodeTensors(inputs),
      ...extra,
    };
    await this.queue.submit(request);
    return { id: request.id, answer: this.queue.wait(request.id, request.tenant) };
  }

  /** The labels of all samples of a metric. */
  async samples(name: string): Promise<Record<string, unknown>[]> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    return (metric?.values ?? []).map(({ labels }) => ({ ...labels }));
  }

  /** The sum of a metric's samples with these labels. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    const samples = metric?.values.filter((sample) =>
      Object.entries(labels).every(
        ([key, value]) => (sample.labels as Record<string, unknown>)[key] === value,
      ),
    );
    return (samples ?? []).reduce((sum, { value }) => sum + value, 0);
  }
}

export const ints = (rows: number[][]): Tensor => ({
  name: 'x',
  dtype: 'INT32',
  shape: [rows.length, rows[0]?.length ?? 0],
  data: new Uint8Array(Int32Array.from(rows.flat()).buffer),
});
export const prompt = (value: string) => bytesTensor('prompt', [Buffer.from(value)]);
export const numbersOf = (settled: Settled) =>
  settled.outputs.length === 0
    ? []
    : Array.from(new Int32Array(new Uint8Array(decodeTensors(settled.outputs)[0]?.data ?? []).buffer));
export const textOf = (settled: Settled) =>
  Buffer.from(decodeTensors(settled.outputs)[0]?.data.subarray(4) ?? []).toString();

/** Waits until `test` holds; fails after 10 s. */
export async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await test())) {
    if (performance.now() > end) throw new Error(`not within 10 s: ${test.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
