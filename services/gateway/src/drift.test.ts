import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelSpecSchema } from '@frontier/contracts/model-spec';
import { bytesTensor, encodeTensors, type Tensor } from '@frontier/contracts/tensor';
import { createLogger } from '@frontier/kit/logger';
import type { StoredModel } from '@frontier/model-store/repository';
import { Registry } from 'prom-client';
import { DriftSampler } from './drift.ts';

const encoder = new TextEncoder();
const inputs = (length: number) => encodeTensors([bytesTensor('text', [encoder.encode('x'.repeat(length))])]);
const outputs = (score: number): Uint8Array => {
  const tensor: Tensor = { name: 'score', dtype: 'FP64', shape: [1, 1], data: new Uint8Array(new Float64Array([score]).buffer) }; // prettier-ignore
  return encodeTensors([tensor]);
};

let dir: string;
let registry: Registry;
let lines: string[];
let sampler: DriftSampler;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drift-'));
  registry = new Registry();
  lines = [];
  const log = createLogger({ service: 'test', level: 'warn', stream: { write: (line) => void lines.push(line) } }); // prettier-ignore
  sampler = new DriftSampler({ every: 2, policy: { windowMs: 0, minSamples: 100 }, registry, log });
});

afterEach(() => rm(dir, { recursive: true, force: true }));

function stored(version = '1'): StoredModel {
  const io = [{ name: 'x', dtype: 'FP32' as const, shape: [-1] }];
  return { spec: modelSpecSchema.parse({ name: 'm', version, task: 't', platform: 'onnx', inputs: io, outputs: io }), dir }; // prettier-ignore
}

const reference = JSON.stringify({
  schema: 1,
  features: {
    'in.text.bytes': { edges: [10, 20], counts: [300, 400, 300] },
    'out.score': { edges: [0.5], counts: [500, 500] },
  },
});

/** Calls with texts of these lengths in turn. */
function answer(calls: number, lengths: readonly number[]): void {
  for (let i = 0; i < calls; i += 1)
    sampler.answered('m', '1', inputs(lengths[Math.floor(i / 2) % lengths.length] as number), outputs(Math.floor(i / 2) % 2)); // prettier-ignore
}

async function value(name: string, feature: string): Promise<number | undefined> {
  const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.find(({ labels }) => labels['feature'] === feature)?.value;
}

test('tells the distance of each window, and raises an alarm for the second that drifted', async () => {
  await writeFile(join(dir, 'reference.json'), reference);
  await sampler.watch([stored()]);
  answer(202, [5, 15, 25]);
  expect(await value('drift_psi', 'in.text.bytes')).toBeLessThan(0.05);
  expect(await value('drift_alarm', 'in.text.bytes')).toBe(0);
  answer(600, [25]);
  expect(await value('drift_psi', 'in.text.bytes')).toBeGreaterThan(0.5);
  expect(await value('drift_alarm', 'in.text.bytes')).toBe(1);
  expect(await value('drift_alarm', 'out.score')).toBe(0);
  expect(lines.join('')).toContain('far from the reference');
});

test('looks at each n-th answer only', async () => {
  await writeFile(join(dir, 'reference.json'), reference);
  await sampler.watch([stored()]);
  answer(201, [5]);
  expect(await value('drift_psi', 'out.score')).toBeUndefined();
  answer(1, [5]);
  expect(await value('drift_psi', 'out.score')).toBeDefined();
});

test('a version that is gone has no numbers any more', async () => {
  await writeFile(join(dir, 'reference.json'), reference);
  await sampler.watch([stored()]);
  answer(300, [5]);
  expect(await value('drift_psi', 'out.score')).toBeDefined();
  await sampler.watch([]);
  expect(await value('drift_psi', 'out.score')).toBeUndefined();
  answer(300, [5]);
  expect(await value('drift_psi', 'out.score')).toBeUndefined();
});

test.each([
  '{',
  '{"schema":1,"features":{"a":{"edges":[2,1],"counts":[1,1,1]}}}',
  ' '.repeat(1024 * 1024 + 1),
])('a wrong reference is logged, and the version is served without: %.40s', async (text) => {
  await writeFile(join(dir, 'reference.json'), text);
  await sampler.watch([stored()]);
  answer(300, [5]);
  expect(lines.join('')).toContain('reference.json is left out');
  expect(await value('drift_psi', 'out.score')).toBeUndefined();
});

test('without a reference nothing is looked at, and broken tensors end nothing', async () => {
  await sampler.watch([stored()]);
  sampler.answered('m', '1', Uint8Array.of(1), Uint8Array.of(1));
  expect(lines).toEqual([]);
  await writeFile(join(dir, 'reference.json'), reference);
  await sampler.watch([stored()]);
  for (let i = 0; i < 2; i += 1) sampler.answered('m', '1', Uint8Array.of(1), Uint8Array.of(1));
  expect(lines.join('')).toContain('could not be looked at');
});
