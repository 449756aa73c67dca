import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GATES, OWNER_ROLES } from '@frontier/contracts/registry';
import { initialState } from '@frontier/policy/canary/state';
import { next } from '@frontier/policy/canary/machine';
import type { Rollout, RolloutEvent } from '@frontier/contracts/rollout';
import { EXIT } from '../cli/src/errors.ts';
import { run } from '../cli/src/program.ts';
import {
  deadLetter,
  newVersion,
  REPORTS,
  startControl,
  type Harness,
} from '../services/control/src/testing/harness.ts';

/* The command line against a running control service: real sockets, a real database in memory. */

jest.setTimeout(60_000);

let control: Harness;
let folder: string;
let keyFiles: Record<'author' | 'first' | 'second' | 'admin', string>;
/** One database is enough for all tests: each has its own model and people. */
let number = 0;
let model: string;
const me = (role: string) => `${role}${number}`;

beforeAll(async () => {
  control = await startControl();
});
afterAll(() => control.stop());
beforeEach(async () => {
  number += 1;
  model = `model-${number}`;
  folder = await mkdtemp(join(tmpdir(), 'frontier-cli-'));
  keyFiles = {
    author: await file('author.key', await control.key(me('author'), 'operator')),
    first: await file('first.key', await control.key(me('first'), 'approver', OWNER_ROLES)),
    second: await file('second.key', await control.key(me('second'), 'approver', OWNER_ROLES)),
    admin: await file('admin.key', await control.key(me('admin'), 'admin')),
  };
});
afterEach(() => rm(folder, { recursive: true }));

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

interface Result {
  code: number;
  out: string;
  err: string;
}

async function as(
  who: keyof typeof keyFiles,
  args: string[],
  typed?: string,
  env: Record<string, string> = {},
): Promise<Result> {
  const result: Result = { code: 0, out: '', err: '' };
  const stdin: Readable & { isTTY?: boolean } = Readable.from(typed === undefined ? [] : [`${typed}\n`]);
  stdin.isTTY = typed !== undefined;
  result.code = await run(args, {
    env: { FRONTIER_URL: control.url, FRONTIER_KEY_FILE: keyFiles[who], ...env },
    stdin,
    stdout: { write: (text) => (result.out += text) },
    stderr: { write: (text) => (result.err += text) },
    signal: new AbortController().signal,
  });
  return result;
}

const rows = ({ out }: Result) => out.trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
const why = ['--why', 'a test'];

async function ok(result: Promise<Result>): Promise<Result> {
  const { code, out, err } = await result;
  expect([code, err]).toEqual([0, expect.any(String)]);
  return { code, out, err };
}

const DIGEST = newVersion('m', '1')['digest'] as string;

async function register(version: string, digest = DIGEST): Promise<void> {
  const { why: _, ...body } = newVersion(model, version, { digest });
  const entry = { who: me('author'), action: 'x', subject: 'x', before: null, after: null, why: 'x' };
  await control.stores.registry.register(body as never, entry);
}

/** A version in production and one that is approved. */
async function twoVersions(): Promise<void> {
  for (const [version, digest] of [
    ['1', DIGEST],
    ['2', `sha256:${'b'.repeat(64)}`],
  ] as const) {
    await register(version, digest);
    const name = `${model}@${version}`;
    for (const gate of GATES.slice(0, version === '1' ? 6 : 5)) {
      const report = await file('report.json', REPORTS[gate]?.report);
      await ok(as('author', ['gates', 'attach', name, gate, REPORTS[gate]?.kind as string, report, ...why]));
      await ok(as('first', ['gates', 'judge', name, gate, 'pass', ...why]));
      if (gate === 'G3' || gate === 'G4')
        await ok(as('second', ['gates', 'judge', name, gate, 'pass', ...why]));
      const to = { G2: 'staging', G4: 'approved', G5: 'production' }[gate as string];
      if (to !== undefined) await ok(as('first', ['models', 'move', name, to, '--yes', ...why]));
    }
  }
}

test('a version from a folder to production, and a rollout of the next one', async () => {
  await file('manifest.json', { name: model, version: '9', files: [] });
  const lineage = newVersion(model, '9')['lineage'];
  const args = ['models', 'publish', folder, '--lineage', await file('lineage.json', lineage), ...why];
  const looked = await ok(as('author', [...args, '--dry-run']));
  expect([looked.out, looked.err]).toEqual([
    '',
    expect.stringMatching(/^would POST \/admin\/versions \{.*"version":"9"/),
  ]);
  expect(rows(await ok(as('author', ['models', 'list', '--model', model, '--json'])))).toEqual([]);
  const published = await ok(as('author', [...args, '--json']));
  expect(rows(published)).toMatchObject([{ version: '9', state: 'draft', author: me('author') }]);

  await twoVersions();
  const listed = await ok(as('admin', ['models', 'list', '--state', 'production', '--model', model]));
  expect(listed.out).toMatch(
    new RegExp(`^version +state +author[^\\n]*\\n${model}@1 +production +${me('author')}`),
  );
  const gates = await ok(as('admin', ['gates', 'list', `${model}@2`]));
  expect(gates.err).toContain('next is G5: evidence release-checklist; to be judged by release-manager');

  const policy = await file('policy.json', { autoPromote: true });
  const [started] = rows(
    await ok(as('author', ['rollouts', 'start', `${model}@2`, '--policy', policy, '--json', ...why])),
  );
  const id = started?.['id'] as string;
  expect(
    rows(await ok(as('author', ['rollouts', 'list', '--running', '--model', model, '--json']))),
  ).toMatchObject([{ id, policy: { autoPromote: true } }]);
  expect(rows(await ok(as('author', ['rollouts', 'pause', id, '--json', ...why])))).toEqual([
    { rollout: id, command: 'pause' },
  ]);
  const refused = await as('first', ['rollouts', 'promote', id, '--yes', ...why]);
  expect([refused.code, refused.err]).toEqual([
    EXIT.failed,
    expect.stringContaining(`CONFLICT: G5 of ${model}@2 has not passed`),
  ]);
});

test('a gate that does not pass is exit code 6', async () => {
  await register('2');
  const report = await file('report.json', { passed: true, metrics: { schema_valid_part: 0.5 } });
  await ok(as('author', ['gates', 'attach', `${model}@2`, 'G0', 'data-validation', report, ...why]));
  const { code, out } = await as('first', ['gates', 'judge', `${model}@2`, 'G0', 'pass', ...why]);
  expect([code, out]).toEqual([
    EXIT.negative,
    expect.stringContaining('schema_valid_part is 0.5, must be >= 1'),
  ]);
});

test('what cannot be undone has the name typed', async () => {
  const [made] = rows(await ok(as('admin', ['keys', 'create', 'bot', '--role', 'viewer', '--json', ...why])));
  const id = made?.['id'] as string;
  const revoke = ['keys', 'revoke', id, ...why];
  expect(await as('admin', revoke)).toMatchObject({
    code: EXIT.usage,
    err: expect.stringContaining('--yes'),
  });
  expect(await as('admin', revoke, 'no')).toMatchObject({
    code: EXIT.failed,
    err: expect.stringContaining('nothing was changed'),
  });
  expect(await as('admin', revoke, id)).toMatchObject({
    code: 0,
    err: expect.stringContaining(`Type ${id} to go on`),
  });
  const listed = await ok(as('admin', ['keys', 'list']));
  expect(listed.out).toContain('bot');
  expect(listed.out).not.toContain('frn_');
});

test('dead letters: one, or those of a filter, never all by an omission', async () => {
  control.letters.letters = ['inf_1', 'inf_2', 'inf_3'].map((letter) =>
    deadLetter(letter, { model: letter === 'inf_3' ? 'b\u001b[2J' : 'simple' }),
  );
  const listed = await ok(as('author', ['dlq', 'list']));
  expect(listed.out).toContain('b?[2J@1');
  expect((await as('author', ['dlq', 'purge', '--yes', ...why])).code).toBe(EXIT.usage);
  expect((await as('author', ['dlq', 'redrive', 'inf_1', '--kind', 'crash', ...why])).code).toBe(EXIT.usage);
  expect(rows(await ok(as('author', ['dlq', 'redrive', 'inf_1', '--json', ...why])))).toEqual([
    { id: 'inf_1', redrivenAs: 'inf_1-again' },
  ]);
  expect((await as('author', ['dlq', 'show', 'inf_1'])).code).toBe(EXIT.unknown);
  const purge = ['dlq', 'purge', '--model', 'simple', ...why];
  expect((await ok(as('author', [...purge, '--dry-run']))).err).toContain('would purge 1');
  expect((await ok(as('author', [...purge, '--yes']))).err).toContain('1 purged, 0 passed over');
  expect(control.letters.letters.map(({ id }) => id)).toEqual(['inf_3']);
});

test('the audit log is listed and verified', async () => {
  await ok(as('admin', ['keys', 'create', 'bot', '--role', 'viewer', '--why', 'for the board']));
  const entries = rows(await ok(as('admin', ['audit', 'list', '--who', me('admin'), '--json'])));
  expect(entries).toMatchObject([{ action: 'key.create', why: 'for the board' }]);
  expect(rows(await ok(as('admin', ['audit', 'verify', '--json'])))).toEqual([{ sound: true, broken: null }]);
});

describe('a replay', () => {
  /** A rollout with a log as a controller writes it. */
  async function logged(events: RolloutEvent[]): Promise<Rollout> {
    await twoVersions();
    const [started] = rows(await ok(as('author', ['rollouts', 'start', `${model}@2`, '--json', ...why])));
    const rollout = (await control.stores.rollouts.get(started?.['id'] as string)) as Rollout;
    let state = initialState(rollout.policy, {
      stable: rollout.stable,
      canary: rollout.canary,
      at: rollout.createdAt,
    });
    for (const [i, event] of events.entries()) {
      const step = next(rollout.policy, state, event);
      state = step.state;
      const { phase, share } = step.decision;
      const decision = i === 2 ? { ...step.decision, verdict: 'promote' as const } : step.decision;
      await control.stores.rollouts.append({ rollout: rollout.id, seq: i + 1, at: event.at, event, decision }, { phase, share, salt: rollout.salt, endedAt: null }); // prettier-ignore
    }
    return rollout;
  }

  test('gives the same decisions, and finds one that is not', async () => {
    const now = Date.now();
    const fault = (i: number): RolloutEvent => ({
      kind: 'fault',
      at: now + 1_000 * i,
      reason: 'unreachable',
    });
    const { id } = await logged([
      fault(1),
      { kind: 'command', at: now + 1_500, command: 'pause', who: 'a', why: 'b' },
      fault(2),
    ]);
    const [same] = rows(await ok(as('author', ['rollouts', 'replay', `${id}-2`, '--json'])));
    expect(same).toMatchObject({
      rollout: id,
      decisions: 2,
      different: 0,
      chain: 'sound',
      decision: `${id}-2`,
    });
    const other = await as('author', ['rollouts', 'replay', id]);
    expect([other.code, other.err]).toEqual([
      EXIT.negative,
      expect.stringContaining(`${id}-3: verdict: was promote`),
    ]);
    const log = await ok(as('author', ['rollouts', 'log', id, '--last', '2']));
    expect(log.out.trim().split('\n').slice(1).map((line) => line.split(/ {2,}/)[0])).toEqual([`${id}-2`, `${id}-3`]); // prettier-ignore
    expect(log.out).toMatch(/^decision +at +phase +share +verdict .* why$/m);
    expect((await as('author', ['rollouts', 'log', 'nobody'])).code).toBe(EXIT.unknown);
    expect((await as('author', ['rollouts', 'replay', `${id}-9`])).code).toBe(EXIT.unknown);
    expect((await as('author', ['rollouts', 'replay', 'nobody'])).code).toBe(EXIT.unknown);
  });
});

describe('an evaluation', () => {
  let gateway: Server;
  let url: string;
  let calls: Record<string, unknown>[];

  beforeEach(async () => {
    calls = [];
    gateway = createServer((request, response) => {
      const send = (status: number, data: unknown, headers = {}) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ data, error: null })); // prettier-ignore
      if (request.method === 'GET') return send(200, { name: model, task: 'image-classification' });
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        const asked = JSON.parse(body) as Record<string, unknown>;
        calls.push(asked);
        if (calls.length === 1) return send(429, null, { 'retry-after': '0' });
        send(200, { version: asked['input'] === 'other' ? '1' : '2', outputs: { label: [asked['input'] === 'x' ? 1 : 0], confidence: [1] } }); // prettier-ignore
      });
    });
    gateway.listen(0, '127.0.0.1');
    await new Promise((resolve) => gateway.once('listening', resolve));
    url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    await register('2');
  });
  afterEach(() => {
    gateway.close();
    gateway.closeAllConnections();
  });

  const evaluate = (golden: string, ...more: string[]) =>
    as('author', ['evaluate', `${model}@2`, golden, '--gateway', url, ...more]);

  test('asks at low priority, again where it was refused, and attaches its report to G1', async () => {
    const golden = await file(
      'golden.jsonl',
      '{"input":"a","expected":0}\n{"input":"x","expected":1}\n{"input":"b","expected":1}\n',
    );
    const result = await ok(
      evaluate(golden, '--safety', '0.9', '--cost', '0.8', '--attach', '--json', ...why),
    );
    const [report] = rows(result);
    expect(report).toMatchObject({
      passed: true,
      digest: DIGEST,
      task: 'image-classification',
      samples: 3,
      failed: 0,
      metrics: { accuracy: expect.closeTo(2 / 3, 9), failed_part: 0, p99_latency_ms: expect.any(Number) },
      rubric: { quality: expect.closeTo(2 / 3, 9), safety: 0.9, performance: 1, cost: 0.8 },
    });
    expect(calls).toHaveLength(4);
    expect(calls[1]).toMatchObject({
      model,
      version: '2',
      priority: 'low',
      deadline_ms: 60_000,
    });
    const [evidence] = await control.stores.registry.evidence(model, '2');
    expect(evidence).toMatchObject({ gate: 'G1', kind: 'evaluation', author: me('author'), report });
  });

  test('says which lines are wrong, and refuses answers of another version', async () => {
    const wrong = await file(
      'wrong.jsonl',
      '{"input":1,"expected":0}\nno\n{"input":1,"inputs":{},"expected":0}\n{"input":1}\n',
    );
    const { code, err } = await evaluate(wrong);
    expect(code).toBe(EXIT.usage);
    for (const line of [2, 3, 4]) expect(err).toContain(`wrong.jsonl:${line}: `);
    expect(calls).toHaveLength(0);
    const golden = await file('golden.jsonl', '{"input":"a","expected":0}\n{"input":"other","expected":0}\n');
    expect(await evaluate(golden)).toMatchObject({
      code: EXIT.negative,
      err: expect.stringContaining('version 1 has answered'),
    });
  });
});

describe('wrong use', () => {
  test.each<[string[], number, string]>([
    [['modles', 'list'], EXIT.usage, 'Did you mean models?'],
    [['models', 'lst'], EXIT.usage, 'Did you mean list?'],
    [['models', 'list', '--sate', 'draft'], EXIT.usage, 'Did you mean --state?'],
    [['models', 'list', '--state', 'odd'], EXIT.usage, 'draft, staging'],
    [['models', 'list', '--limit', '0'], EXIT.usage, '1 to 100000'],
    [['models', 'show', 'nobody'], EXIT.usage, 'model@version'],
    [['models', 'show', 'nobody@1'], EXIT.unknown, 'NOT_FOUND: no version nobody@1'],
    [['rollouts', 'pause', 'ro-1'], EXIT.usage, '--why'],
    [['dlq', 'list', '--older-than', '5 weeks'], EXIT.usage, '90s, 15m, 6h or 2d'],
    [['keys', 'list'], EXIT.forbidden, 'FORBIDDEN: this takes the role admin'],
    [['models', 'list', '--url', 'ftp://x'], EXIT.config, 'FRONTIER_URL'],
    [['models', 'list', '--key-file', '/nowhere'], EXIT.config, 'the key cannot be read'],
    [
      ['models', 'list', '--url', 'http://127.0.0.1:2'],
      EXIT.away,
      'http://127.0.0.1:2 cannot be reached: ECONNREFUSED',
    ],
  ])('%j', async (args, code, message) => {
    const result = await as('author', args);
    expect([result.code, result.out]).toEqual([code, '']);
    expect(result.err).toContain(message);
  });

  test('help goes to stdout and tells the exit codes', async () => {
    const { code, out, err } = await as('author', ['--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('Exit code 0');
  });
});
