import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Decision, Rollout } from '@frontier/contracts/rollout';
import { createLogger } from '@frontier/kit/logger';
import { Baseline } from './baseline.ts';
import type { Standing } from './standing.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const rollout = { id: 'r1', model: 'm', stable: '1', canary: '2', createdAt: Date.parse('2026-11-21T10:00:00.500Z') } as Rollout; // prettier-ignore

/** What a gateway was asked, and how it answers the n-th call. */
let asked: Array<{ method?: string; url?: string; body: unknown }>;
let statusOf: (call: number) => number;
let server: Server;
let folder: string;

beforeEach(async () => {
  asked = [];
  statusOf = () => 200;
  folder = await mkdtemp(join(tmpdir(), 'frontier-baseline-'));
  await writeFile(join(folder, 'm.json'), JSON.stringify({ model: 'other', inputs: { text: ['hello'] } }));
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url = '' } = request;
      asked.push({ method, url, body: JSON.parse(body) });
      response.writeHead(statusOf(asked.length)).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

function baselineOf(samples: number): Baseline {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new Baseline({ url, bodies: folder, samples, folder: join(folder, 'reports'), log });
}

async function reportOf(baseline: Baseline): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(baseline.fileOf(rollout), 'utf8')) as Record<string, unknown>;
}

test('control is called by its version, and what it did is in the report', async () => {
  statusOf = (call) => (call % 4 === 0 ? 503 : 200);
  const baseline = baselineOf(40);
  await baseline.measure(rollout, signal);
  expect(asked).toHaveLength(40);
  expect(asked[0]).toEqual({ method: 'POST', url: '/v1/infer', body: { model: 'm', version: '1', inputs: { text: ['hello'] } } }); // prettier-ignore
  expect(baseline.fileOf(rollout)).toBe(join(folder, 'reports', 'canary-report-2026-11-21T10-00-00-500Z.json')); // prettier-ignore
  const report = await reportOf(baseline);
  const number = expect.any(Number) as number;
  expect(report).toEqual({
    rollout: 'r1',
    model: 'm',
    stable: '1',
    canary: '2',
    startedAt: '2026-11-21T10:00:00.500Z',
    baseline: { samples: 40, errors: 10, p50: number, p95: number, p99: number },
    end: null,
  });
  const { p50, p95, p99 } = report['baseline'] as Record<'p50' | 'p95' | 'p99', number>;
  expect(p50).toBeGreaterThan(0);
  expect([p50, p95, p99]).toEqual([p50, p95, p99].sort((a, b) => a - b));
});

test('a controller that starts again does not measure again', async () => {
  await baselineOf(10).measure(rollout, signal);
  const before = await reportOf(baselineOf(10));
  await baselineOf(10).measure(rollout, signal);
  expect(asked).toHaveLength(10);
  expect(await reportOf(baselineOf(10))).toEqual(before);
});

test('at the end the report says how canary, control and baseline differ', async () => {
  const baseline = baselineOf(10);
  await baseline.measure(rollout, signal);
  const { p95 } = (await reportOf(baseline))['baseline'] as { p95: number };
  const evidence = { errors: { control: 0.01, canary: 0.03 }, p95: { control: 20, canary: 30 } };
  const standing = { phase: 'rolled-back', ended: { decision: 'r1-9', at: 1, reason: 'slower', sha256: '' } } as Standing; // prettier-ignore
  await baseline.conclude(rollout, standing, { evidence } as Decision);
  const { end } = await reportOf(baseline);
  expect(end).toEqual({
    phase: 'rolled-back',
    decision: 'r1-9',
    reason: 'slower',
    evidence,
    deltas: { p95Ratio: 1.5, errorsPoints: expect.closeTo(2), p95ToBaseline: 30 / p95 },
  });
});

test('a call that is missing is no reason not to begin: the report says so', async () => {
  await rm(join(folder, 'm.json'));
  const baseline = baselineOf(10);
  await baseline.measure(rollout, signal);
  expect((await reportOf(baseline))['baseline']).toMatch(/^not measured: .*m\.json/);
  expect(asked).toEqual([]);
});

test('a gateway that is gone answers nothing', async () => {
  const baseline = baselineOf(10);
  await new Promise((resolve) => server.close(resolve));
  await baseline.measure(rollout, signal);
  expect((await reportOf(baseline))['baseline']).toEqual({ samples: 10, errors: 10, p50: 0, p95: 0, p99: 0 });
});
