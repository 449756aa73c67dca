import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { bytesTensor } from '@frontier/contracts/tensor';
import type { StoredModel } from '@frontier/model-store/repository';
import { EXIT } from '../cli/src/errors.ts';
import { run } from '../cli/src/program.ts';
import { startControl, type Harness as Control } from '../services/control/src/testing/harness.ts';
import { startGateway, type Harness } from '../services/gateway/src/testing/harness.ts';
import { pngHeader } from '../services/gateway/src/testing/images.ts';
import { testCatalogue } from '../services/gateway/src/testing/models.ts';

/* A reference that an evaluation writes, read by the gateway that it was made through. */

let control: Control;
let gateway: Harness;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'frontier-reference-'));
  control = await startControl();
  gateway = await startGateway({ driftEvery: 1, driftWindowMs: 0, driftMinSamples: 200 });
  // A line of text for each ten bytes of the image.
  gateway.queue.execute = (_request, [image]) => {
    const lines = Array.from({ length: Math.floor((image?.data.length ?? 0) / 10) }, () => ({ text: 'abc' }));
    return { outputs: [bytesTensor('lines', [Buffer.from(JSON.stringify(lines))])] };
  };
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await control.stop();
  await rm(dir, { recursive: true });
});

async function evaluate(golden: readonly string[], ...more: string[]) {
  const [keyFile, file] = [join(dir, 'key'), join(dir, 'golden.jsonl')];
  await writeFile(keyFile, await control.key('author', 'operator'));
  await writeFile(file, golden.map((input) => JSON.stringify({ input, expected: 'abc' })).join('\n'));
  const said = { code: 0, err: '' };
  said.code = await run(
    ['evaluate', 'ocr@1', file, '--gateway', gateway.url, '--concurrency', '16', ...more],
    {
      env: { FRONTIER_URL: control.url, FRONTIER_KEY_FILE: keyFile },
      stdin: Readable.from([]),
      stdout: { write: () => undefined },
      stderr: { write: (text) => (said.err += text) },
      signal: new AbortController().signal,
    },
  );
  return said;
}

/** An image whose file has so many bytes more than its header. */
const image = (more: number) => Buffer.concat([pngHeader(10, 10), Buffer.alloc(more)]).toString('base64');

async function call(count: number, more: (i: number) => number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const response = await fetch(`${gateway.url}/v1/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'ocr', input: image(more(i)) }),
    });
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  }
}

async function drift(name: string, feature: string): Promise<number | undefined> {
  const { values } = (await gateway.registry.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.find(({ labels }) => labels['feature'] === feature)?.value;
}

test('the reference of an evaluation is what the gateway finds drift by', async () => {
  const { spec } = testCatalogue.get('ocr') as StoredModel;
  const sizes = (i: number) => (7 * i) % 50;
  const reference = join(dir, 'reference.json');
  const said = await evaluate(
    Array.from({ length: 400 }, (_, i) => image(sizes(i))),
    '--reference',
    reference,
  );
  expect(said).toEqual({ code: EXIT.ok, err: expect.stringContaining('ocr@1 is not registered') });

  await gateway.gateway.modelsChanged([{ spec, dir }]);
  await call(201, sizes);
  for (const feature of ['in.image.bytes', 'out.lines.bytes']) {
    expect(await drift('drift_psi', feature)).toBeLessThan(0.05);
    expect(await drift('drift_alarm', feature)).toBe(0);
  }
  await call(400, () => 49);
  for (const feature of ['in.image.bytes', 'out.lines.bytes'])
    expect(await drift('drift_alarm', feature)).toBe(1);
}, 60_000);

test('a report that is to be attached needs a version that is registered', async () => {
  const said = await evaluate([image(1)], '--attach', '--why', 'a test');
  expect(said).toEqual({ code: EXIT.unknown, err: expect.stringContaining('no version ocr@1') });
});
