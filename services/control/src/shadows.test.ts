import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GATES, OWNER_ROLES, type EvidenceRecord, type Gate } from '@frontier/contracts/registry';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import { openRemote } from '@frontier/model-store/remote';
import { sealVersion } from '@frontier/model-store/seal';
import { newVersion, REPORTS, startControl, type Harness } from './testing/harness.ts';

const why = 'a test';
const other = `sha256:${'b'.repeat(64)}`;
const record = (extra: Partial<ModelTraffic>): Omit<ModelTraffic, 'epoch'> => ({ model, stable: '1', blocked: [], rollout: null, shadow: null, experiment: null, ...extra }); // prettier-ignore

let control: Harness;
/** One database is enough for all tests: each has a model of its own. */
let run = 0;
let model: string;
let folder: string;
let author: string, first: string, second: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frontier-shadows-'));
  const repository = pathToFileURL(join(folder, 'published')).href;
  control = await startControl({ MODEL_REPOSITORY: repository, MODEL_CACHE: join(folder, 'cache') });
  author = await control.key('author', 'operator');
  first = await control.key('first', 'approver', OWNER_ROLES);
  second = await control.key('second', 'approver', OWNER_ROLES);
}, 60_000);
beforeEach(() => (model = `model-${(run += 1)}`));
afterAll(async () => {
  await control.stop();
  await rm(folder, { recursive: true });
});

const post = (key: string, version: string, path: string, body: object = {}) => control.call(key, 'POST', `/admin/versions/${model}/${version}/${path}`, { why, ...body }); // prettier-ignore

async function ok<T>(answer: ReturnType<Harness['call']>): Promise<T> {
  const { status, body } = await answer;
  expect([body.error?.message, status < 300]).toEqual([undefined, true]);
  return body.data as T;
}

async function refused(answer: ReturnType<Harness['call']>, reason: string): Promise<void> {
  const { status, body } = await answer;
  expect([status, body.error?.details['reason']]).toEqual([409, reason]);
}

/** Registers a version and brings it through its gates up to `last`. */
async function bring(version: string, last: Gate, digest: string): Promise<void> {
  await ok(control.call(author, 'POST', '/admin/versions', newVersion(model, version, { digest })));
  for (const gate of GATES.slice(0, GATES.indexOf(last) + 1)) {
    await ok(post(author, version, 'evidence', { gate, ...REPORTS[gate] }));
    await ok(post(first, version, `gates/${gate}`, { verdict: 'pass' }));
    if (gate === 'G3' || gate === 'G4') await ok(post(second, version, `gates/${gate}`, { verdict: 'pass' }));
    const to = { G2: 'staging', G4: 'approved', G5: 'production' }[gate as string];
    if (to) await ok(post(first, version, 'move', { to }));
  }
}

test('what becomes production gets all calls, whatever is published later', async () => {
  await bring('1', 'G5', `sha256:${'a'.repeat(64)}`);
  expect(await control.traffic.get(model)).toMatchObject({ stable: '1', rollout: null });
});

test('no version becomes production by hand while a rollout has the traffic, or if it is blocked', async () => {
  await bring('2', 'G4', other);
  await ok(post(author, '2', 'evidence', { gate: 'G5', ...REPORTS['G5'] }));
  await ok(post(first, '2', 'gates/G5', { verdict: 'pass' }));
  const rollout = { id: 'ro-1', salt: 's', mode: 'canary' as const, canary: '2', share: 500 };
  const { epoch } = await control.traffic.put(record({ rollout }), 0);
  await refused(post(first, '2', 'move', { to: 'production' }), 'rollout');
  const blocked = await control.traffic.put(record({ blocked: ['2'] }), epoch);
  await refused(post(first, '2', 'move', { to: 'production' }), 'blocked');
  expect(await control.traffic.get(model)).toEqual(blocked);
});

test('a shadow runs, is looked at, and ends with its report at G4', async () => {
  await bring('1', 'G5', `sha256:${'a'.repeat(64)}`);
  await bring('2', 'G2', other);
  await refused(post(author, '2', 'shadow/stop'), 'shadow');
  const started = await ok<{ id: string }>(post(author, '2', 'shadow/start', { share: 2_000 }));
  expect(started).toMatchObject({ version: '2', share: 2_000, stable: '1' });
  const shadow = { id: started.id, version: '2', share: 2_000 };
  expect(await control.traffic.get(model)).toMatchObject({ stable: '1', shadow });
  await refused(post(author, '2', 'shadow/start'), 'shadow');
  control.traffic.report.results = { same: 99, different: 1, failed: 0, shed: 7, unpaired: 0 };
  const shown = await ok(control.call(author, 'GET', `/admin/versions/${model}/2/shadow`));
  expect(shown).toEqual({ ...shadow, report: control.traffic.report });
  const { gate, kind, report } = await ok<EvidenceRecord>(post(author, '2', 'shadow/stop', { minCalls: 100, driftDetectionRate: 0.96 })); // prettier-ignore
  expect({ gate, kind }).toEqual({ gate: 'G4', kind: 'shadow' });
  expect(report).toMatchObject({ passed: true, calls: 100, digest: other, stable: '1', metrics: { output_match_part: 0.99, drift_detection_rate: 0.96 } }); // prettier-ignore
  expect(await control.traffic.get(model)).toMatchObject({ stable: '1', shadow: null });
});

test('a shadow needs something to be compared with, a version that passed G2, and the traffic for itself', async () => {
  await bring('2', 'G1', other);
  await refused(post(author, '2', 'shadow/start'), 'state');
  await ok(post(author, '2', 'evidence', { gate: 'G2', ...REPORTS['G2'] }));
  await ok(post(first, '2', 'gates/G2', { verdict: 'pass' }));
  await ok(post(first, '2', 'move', { to: 'staging' }));
  await refused(post(author, '2', 'shadow/start'), 'stable');
  const { epoch } = await control.traffic.put(record({ stable: '2' }), 0);
  await refused(post(author, '2', 'shadow/start'), 'stable');
  const rollout = { id: 'ro-1', salt: 's', mode: 'canary' as const, canary: '3', share: 500 };
  await control.traffic.put(record({ rollout }), epoch);
  await refused(post(author, '2', 'shadow/start'), 'rollout');
});

test('a version that was published to a repository is scanned there', async () => {
  const source = join(folder, 'source');
  await cp('models/simple/1', source, { recursive: true });
  const digest = await sealVersion(source);
  const published = openRemote(pathToFileURL(join(folder, 'published')).href, {});
  const body = newVersion('simple', '1', { digest });
  await ok(control.call(author, 'POST', '/admin/versions', body));
  const scan = () => control.call(author, 'POST', '/admin/versions/simple/1/scan', { why });
  expect((await scan()).status).toBe(404);
  await published.publish(source);
  const { report } = await ok<EvidenceRecord>(scan());
  expect(report['checks']).toContainEqual(expect.objectContaining({ check: 'files', passed: true }));
});
