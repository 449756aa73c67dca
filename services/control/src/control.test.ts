import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GATES,
  OWNER_ROLES,
  type Gate,
  type GateRecord,
  type VersionRecord,
} from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import { deadLetter, newVersion, REPORTS, startControl, type Harness } from './testing/harness.ts';

const POLICY = { steps: [500, 10_000] };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const why = 'a test';

let control: Harness;
let governance: string;
/** One database is enough for all tests: each has its own model and people. */
let run = 0;
let model: string;
/** An operator who publishes, two approvers who own all gates, an admin. */
let author: string, first: string, second: string, admin: string;
const me = (role: string) => `${role}${run}`;

beforeAll(async () => {
  governance = await mkdtemp(join(tmpdir(), 'frontier-control-'));
  await cp('governance', governance, { recursive: true });
  control = await startControl({ GOVERNANCE_FOLDER: governance });
}, 60_000);
afterAll(async () => {
  await control.stop();
  await rm(governance, { recursive: true });
});
beforeEach(async () => {
  run += 1;
  model = `model-${run}`;
  author = await control.key(me('author'), 'operator');
  first = await control.key(me('first'), 'approver', OWNER_ROLES);
  second = await control.key(me('second'), 'approver', OWNER_ROLES);
  admin = await control.key(me('root'), 'admin');
});

const post = (key: string, path: string, body: object = {}) =>
  control.call(key, 'POST', `/admin/${path}`, { why, ...body });
const get = async <T>(path: string, key = admin) =>
  (await control.call(key, 'GET', `/admin/${path}`)).body.data as T;

async function ok<T>(answer: ReturnType<Harness['call']>): Promise<T> {
  const { status, body } = await answer;
  expect([body.error?.message, status < 300]).toEqual([undefined, true]);
  return body.data as T;
}

async function refused(
  answer: ReturnType<Harness['call']>,
  status: number,
  reason?: string,
): Promise<string> {
  const { status: given, body } = await answer;
  expect([given, body.error?.details['reason']]).toEqual([status, reason]);
  return body.error?.message ?? '';
}

async function pass(gate: Gate, version: string): Promise<void> {
  await ok(post(author, `versions/${model}/${version}/evidence`, { gate, ...REPORTS[gate] }));
  await ok(post(first, `versions/${model}/${version}/gates/${gate}`, { verdict: 'pass' }));
  if (gate === 'G3' || gate === 'G4') await ok(post(second, `versions/${model}/${version}/gates/${gate}`, { verdict: 'pass' })); // prettier-ignore
}

const move = (version: string, to: string, key = first) =>
  post(key, `versions/${model}/${version}/move`, { to });

/** Registers a version and brings it through its gates to a state. */
async function bring(
  version: string,
  to: 'staging' | 'approved' | 'production',
  digest = DIGEST,
): Promise<void> {
  await ok(post(author, 'versions', newVersion(model, version, { digest })));
  for (const gate of GATES) {
    await pass(gate, version);
    if (gate === 'G2') await ok(move(version, 'staging'));
    if (gate === 'G2' && to === 'staging') return;
    if (gate === 'G4') await ok(move(version, 'approved'));
    if (gate === 'G4' && to === 'approved') return;
  }
  await ok(move(version, 'production'));
}

describe('a version', () => {
  test('is registered once, with its name', async () => {
    const made = await ok<VersionRecord>(post(author, 'versions', newVersion(model, '2')));
    expect(made).toMatchObject({ state: 'draft', author: me('author'), version: '2', digest: DIGEST });
    expect(await ok(post(author, 'versions', newVersion(model, '2')))).toEqual(made);
    await refused(
      post(author, 'versions', newVersion(model, '2', { digest: `sha256:${'f'.repeat(64)}` })),
      409,
    );
    expect(
      await refused(post(author, 'versions', newVersion(model, '3', { name: 'other_3_20261121' })), 400),
    ).toContain(`${model}_`);
    expect(
      await refused(post(author, 'versions', newVersion(model, '3', { name: `${model}_3_20261399` })), 400),
    ).toContain('no day');
    expect(await get<VersionRecord[]>(`versions?state=draft&model=${model}`)).toHaveLength(1);
    expect(await get(`versions/${model}/2`)).toEqual(made);
  });

  test('goes through its gates to production, and archives the one before', async () => {
    await bring('1', 'production');
    await bring('2', 'production', `sha256:${'b'.repeat(64)}`);
    const states = (await get<VersionRecord[]>(`versions?model=${model}`)).map(({ version, state }) => [
      version,
      state,
    ]);
    expect(states).toEqual([['1', 'archived'], ['2', 'production']]); // prettier-ignore
    const view = await get<{ passed: Gate[]; next: unknown; gates: GateRecord[] }>(
      `versions/${model}/2/gates`,
    );
    expect(view).toMatchObject({ passed: GATES, next: null });
    expect(
      await refused(post(first, `versions/${model}/2/gates/G5`, { verdict: 'fail' }), 409, 'state'),
    ).toContain('production');
  });

  test('does not become production while a rollout waits to begin', async () => {
    await bring('1', 'production');
    await bring('2', 'approved', `sha256:${'b'.repeat(64)}`);
    await bring('3', 'approved', `sha256:${'c'.repeat(64)}`);
    await ok(post(author, 'rollouts', { model, canary: '2', policy: POLICY }));
    for (const version of ['2', '3']) {
      await pass('G5', version);
      expect(await refused(move(version, 'production'), 409, 'rollout')).toContain('promote or abort');
    }
    expect((await control.traffic.get(model))?.stable).toBe('1');
  });

  test('of two that become production at once has the traffic that the registry says', async () => {
    await bring('1', 'production');
    for (const [version, letter] of [
      ['2', 'b'],
      ['3', 'c'],
    ] as const) {
      await bring(version, 'approved', `sha256:${letter.repeat(64)}`);
      await pass('G5', version);
    }
    await Promise.all([move('2', 'production'), move('3', 'production', second)]);
    const [stable] = await get<VersionRecord[]>(`versions?state=production&model=${model}`);
    expect(['2', '3']).toContain(stable?.version);
    expect((await control.traffic.get(model))?.stable).toBe(stable?.version);
  });

  test('is passed by nobody who made it', async () => {
    const both = await control.key(me('author'), 'approver', OWNER_ROLES);
    await ok(post(author, 'versions', newVersion(model, '2')));
    await refused(post(first, `versions/${model}/2/gates/G0`, { verdict: 'pass' }), 409, 'evidence');
    await ok(post(first, `versions/${model}/2/evidence`, { gate: 'G0', ...REPORTS['G0'] }));
    expect(
      await refused(post(both, `versions/${model}/2/gates/G0`, { verdict: 'pass' }), 403, 'author'),
    ).toContain('author');
    await refused(post(first, `versions/${model}/2/gates/G0`, { verdict: 'pass' }), 403, 'evidence_author');
    const stranger = await control.key('stranger', 'approver', ['qa']);
    await refused(post(stranger, `versions/${model}/2/gates/G0`, { verdict: 'pass' }), 403, 'owner');
    await ok(post(second, `versions/${model}/2/gates/G0`, { verdict: 'pass' }));
    await refused(move('2', 'staging'), 409, 'gates');
    for (const gate of ['G1', 'G2'] as const) await pass(gate, '2');
    await refused(move('2', 'staging', both), 403, 'author');
    await refused(move('2', 'production'), 409, 'move');
  });

  test('goes back to draft when G4 fails, and needs all gates again', async () => {
    await bring('2', 'staging');
    await pass('G3', '2');
    const report = {
      ...REPORTS['G4']?.report,
      metrics: { output_match_part: 0.9, p95_latency_ratio: 1, drift_detection_rate: 1 },
    };
    await ok(post(author, `versions/${model}/2/evidence`, { gate: 'G4', kind: 'shadow', report }));
    const judged = await ok<GateRecord>(post(first, `versions/${model}/2/gates/G4`, { verdict: 'pass' }));
    expect(judged).toMatchObject({ passed: false, reason: 'output_match_part is 0.9, must be >= 0.98' });
    expect(await get(`versions/${model}/2`)).toMatchObject({ state: 'draft' });
    expect(await get(`versions/${model}/2/gates`)).toMatchObject({ passed: [], next: { gate: 'G0' } });
    await refused(move('2', 'staging'), 409, 'gates');
  });

  test('is a draft again when it was rolled back, and needs all gates again', async () => {
    await bring('2', 'approved');
    await ok(move('2', 'draft'));
    await refused(move('2', 'staging'), 409, 'gates');
    await pass('G0', '2');
    expect(await get(`versions/${model}/2/gates`)).toMatchObject({ passed: ['G0'], next: { gate: 'G1' } });
  });

  test('has only reports about itself', async () => {
    await ok(post(author, 'versions', newVersion(model, '2')));
    const attach = (gate: Gate, kind: string, report: unknown) =>
      post(author, `versions/${model}/2/evidence`, { gate, kind, report });
    await refused(attach('G0', 'data-validation', { digest: `sha256:${'9'.repeat(64)}` }), 409, 'digest');
    expect(await refused(attach('G0', 'scan', {}), 400)).toContain('G0 takes data-validation');
    await refused(attach('G0', 'data-validation', { text: 'x'.repeat(1_100_000) }), 413);
    await refused(
      attach('G0', 'data-validation', JSON.parse('{"a":'.repeat(200) + '1' + '}'.repeat(200))),
      400,
    );
    await ok(attach('G0', 'data-validation', { digest: DIGEST, passed: true }));
    expect(await get(`versions/${model}/2/evidence`)).toMatchObject([
      { gate: 'G0', author: me('author'), sha256: expect.stringMatching(/^sha256:/) },
    ]);
  });

  test('is scanned where it lies', async () => {
    await refused(post(author, `versions/${model}/2/scan`), 404);
    await ok(post(author, 'versions', newVersion('text-direction', '1')));
    const { report } = await ok<{
      report: { passed: boolean; checks: { check: string; passed: boolean }[] };
    }>(post(author, 'versions/text-direction/1/scan'));
    expect(report.passed).toBe(false);
    expect(report.checks.map(({ check }) => check)).toEqual(['files', 'signature', 'formats', 'licence']);
    expect(report.checks.at(-1)).toMatchObject({ passed: true, finding: 'Apache-2.0' });
  });
});

describe('a rollout', () => {
  const start = (canary = '2', policy: object = POLICY) =>
    post(author, 'rollouts', { model, canary, policy });
  const other = `sha256:${'b'.repeat(64)}`;

  test('starts with an approved version against the one in production, one at a time', async () => {
    await refused(start(), 404);
    await bring('2', 'staging', other);
    await refused(start(), 409, 'state');
    for (const gate of ['G3', 'G4'] as const) await pass(gate, '2');
    await ok(move('2', 'approved'));
    await refused(start(), 409, 'stable');
    await bring('1', 'production');
    expect(await refused(start('2', { steps: [500] }), 400)).toContain('policy.steps');
    const rollout = await ok<Rollout>(start());
    expect(rollout).toMatchObject({
      stable: '1',
      canary: '2',
      canaryDigest: other,
      phase: 'aa',
      share: 0,
      createdBy: me('author'),
      endedAt: null,
      policy: POLICY,
    });
    expect(await get(`rollouts/${rollout.id}`)).toEqual(rollout);
    expect(await get<Rollout[]>(`rollouts?running=true&model=${model}`)).toEqual([rollout]);
    expect(await get(`rollouts/${rollout.id}/log`)).toEqual([]);
    expect(await get(`rollouts/${rollout.id}/verify`)).toEqual({ sound: true, broken: null });
    await refused(start(), 409);
  });

  test('is told what to do, by who may', async () => {
    await bring('1', 'production');
    await bring('2', 'approved', other);
    const { id } = await ok<Rollout>(start());
    await ok(post(author, `rollouts/${id}/pause`));
    await refused(post(author, `rollouts/${id}/promote`), 403, 'role');
    await refused(post(first, `rollouts/${id}/promote`), 409, 'gates');
    await pass('G5', '2');
    const asAuthor = await control.key(me('author'), 'approver');
    await refused(post(asAuthor, `rollouts/${id}/promote`), 403, 'author');
    await ok(post(first, `rollouts/${id}/promote`, { why: 'it is green' }));
    const orders = await control.stores.rollouts.orders(id);
    expect(orders.map(({ event }) => [event.command, event.who, event.why])).toEqual([
      ['pause', me('author'), why],
      ['promote', me('first'), 'it is green'],
    ]);
    await refused(post(author, 'rollouts/nobody/pause'), 404);
  });

  test('does not start with a digest that was rolled back, until it is unblocked', async () => {
    await bring('1', 'production');
    await bring('2', 'approved', other);
    const entry = {
      who: 'canary',
      action: 'digest.block',
      subject: `digest/${other}`,
      before: null,
      after: null,
      why: 'slow',
    };
    await control.stores.rollouts.block(other, 'ro-1', entry);
    expect(await get('blocked-digests')).toContain(other);
    await refused(start(), 409, 'blocked');
    await refused(post(author, `blocked-digests/${other}/unblock`), 403, 'role');
    await ok(post(first, `blocked-digests/${other}/unblock`));
    await refused(post(first, `blocked-digests/${other}/unblock`), 404);
    await ok(start());
  });
});

test('every change is in the audit log: who, what, before, after, why', async () => {
  await ok(post(author, 'versions', newVersion(model, '2', { why: 'it is better' })));
  await ok(post(author, `versions/${model}/2/evidence`, { gate: 'G0', ...REPORTS['G0'] }));
  await ok(post(first, `versions/${model}/2/gates/G0`, { verdict: 'pass', why: 'looks right' }));
  await ok(post(first, `versions/${model}/2/move`, { to: 'archived' }));
  const log = await get<Record<string, unknown>[]>(`audit?subject=version/${model}@2`);
  expect(log.map(({ who, action }) => [who, action])).toEqual([
    [me('first'), 'version.move'],
    [me('first'), 'gate.judge'],
    [me('author'), 'evidence.attach'],
    [me('author'), 'version.register'],
  ]);
  expect(log[0]).toMatchObject({ before: { state: 'draft' }, after: { state: 'archived' }, why });
  expect(log[1]).toMatchObject({
    after: { gate: 'G0', passed: true, policy: expect.stringMatching(/^sha256:/) },
    why: 'looks right',
  });
  expect(await get('audit/verify')).toEqual({ sound: true, broken: null });
  const { headers, body } = await control.call(admin, 'GET', '/admin/audit?limit=1');
  const next = await control.call(
    admin,
    'GET',
    `/admin/audit?limit=1&cursor=${headers.get('x-next-cursor')}`,
  );
  expect(next.body.data).not.toEqual(body.data);
});

test('keys are shown once, and useless when revoked', async () => {
  const made = await ok<{ id: string; key: string }>(post(admin, 'keys', { name: 'bot', role: 'viewer' }));
  expect(made.key).toMatch(/^frn_dev_/);
  expect((await control.call(made.key, 'GET', '/admin/versions')).status).toBe(200);
  const listed = await control.call(admin, 'GET', '/admin/keys');
  expect(JSON.stringify(listed.body)).not.toContain(made.key);
  expect(JSON.stringify(listed.body)).not.toContain('secretHash');
  await ok(post(admin, `keys/${made.id}/revoke`));
  await refused(post(admin, `keys/${made.id}/revoke`), 404);
  expect((await control.call(made.key, 'GET', '/admin/versions')).status).toBe(401);
  const own = /^frn_dev_([0-9a-f]{16})/.exec(admin)?.[1] as string;
  await refused(post(admin, `keys/${own}/revoke`), 409, 'own_key');
});

test('dead letters are shown, redriven and purged, on the record', async () => {
  control.letters.letters = [
    deadLetter('inf_1'),
    deadLetter('inf_2', { kind: 'crash' }),
    deadLetter('inf_3'),
  ];
  expect(await get('dead-letters?kind=transient&limit=1')).toMatchObject({
    letters: [{ id: 'inf_1' }],
    more: true,
  });
  expect(await get('dead-letters/inf_2')).toMatchObject({
    kind: 'crash',
    payloadBytes: 10,
    error: { message: 'it failed' },
  });
  expect(await ok(post(author, 'dead-letters/inf_1/redrive', { timeoutS: 60 }))).toEqual({
    id: 'inf_1',
    redrivenAs: 'inf_1-again',
  });
  expect(await ok(post(author, 'dead-letters/inf_2/purge'))).toEqual({ id: 'inf_2', purged: true });
  await refused(post(author, 'dead-letters/inf_2/purge'), 404);
  expect(control.letters.letters.map(({ id }) => id)).toEqual(['inf_3']);
  const log = await get<Record<string, unknown>[]>(`audit?who=${me('author')}`);
  expect(log.map(({ action }) => action)).toEqual(['dead-letter.purge', 'dead-letter.redrive']);
});

test('a policy that is broken while it runs judges nothing, and says where', async () => {
  const file = join(governance, 'kpi_acceptance.csv');
  try {
    await writeFile(file, 'gate,task,kpi,comparison,threshold,meaning\nG1,*,cer,<,1,x\n');
    expect(await refused(move('2', 'staging'), 503)).toContain('kpi_acceptance.csv:2: comparison');
  } finally {
    await cp('governance/kpi_acceptance.csv', file);
  }
});
