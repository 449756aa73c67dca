import { execFile, type ExecFileException } from 'node:child_process';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { DeadLetter, FailureKind } from '@frontier/contracts/dead-letter';
import type { Shard } from '@frontier/contracts/queue';
import { createLogger } from '@frontier/kit/logger';
import { DeadLetters } from '@frontier/redis/dead-letters';
import { refOf, ShardKeys } from '@frontier/redis/keys';
import { deadLetter } from '@frontier/redis/testing/dead-letter';
import { startRedis, type TestRedis } from '@frontier/redis/testing/redis-server';

/* The command is tested from outside, as a process, on the compiled libraries: these are built first. */

interface Outcome {
  code: number | string;
  out: string;
  err: string;
}

const root = join(__dirname, '..');
const log = createLogger({ service: 'test', level: 'silent' });
const first: Shard = { priority: 'standard', pool: 'cpu', index: 0 };
const second: Shard = { priority: 'low', pool: 'cpu', index: 1 };

let server: TestRedis;
let redis: Redis;

function node(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, out: string, err: string) =>
      resolve({ code: error?.code ?? 0, out, err });
    execFile(process.execPath, args, { cwd: root, env: { ...process.env, ...env }, timeout: 100_000 }, done);
  });
}

const dlq = (...args: string[]) =>
  node(['scripts/dlq.mjs', ...args], { REDIS_URL: server.url, SHARDS: '2', POOLS: 'cpu' });

const lines = (text: string) => text.trimEnd().split('\n').filter(Boolean);
const json = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  const { code, out } = await node(['node_modules/typescript/bin/tsc', '--build', 'libs/redis']);
  if (code !== 0) throw new Error(out);
}, 120_000);
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const lettersOf = (shard: Shard) => new DeadLetters({ redis, shard, log });

async function stored(shard: Shard, kind: FailureKind, extra: Partial<DeadLetter> = {}): Promise<DeadLetter> {
  const letter = deadLetter(shard, kind, { diedAt: Date.now() - 7_300_000, ...extra });
  await lettersOf(shard).add(letter, Buffer.from('the inputs'));
  return letter;
}

test('list shows the letters of all shards by kind and age, as a table or as JSON', async () => {
  const deadline = await stored(first, 'deadline', { model: 'a\u001b[2J' });
  const younger = await stored(first, 'transient', { diedAt: Date.now() - 5_000, attempts: 3 });
  const older = await stored(second, 'transient', { tenant: 'acme' });
  const table = await dlq('list');
  expect([table.code, table.err]).toEqual([0, '']);
  const [head, ...rows] = lines(table.out).map((line) => line.split(/\s+/));
  expect(head).toEqual(['id', 'kind', 'model', 'tenant', 'error', 'attempts', 'redrives', 'age']);
  expect(rows[0]).toEqual([older.id, 'transient', 'echo', 'acme', 'UPSTREAM_ERROR', '3', '0', '2', 'h']);
  expect(rows.map(([id]) => id)).toEqual([older.id, younger.id, deadline.id]);
  expect(table.out).not.toContain('\u001b');
  const listed = await dlq('list', '--kind', 'transient', '--newer-than', '1h', '--json');
  expect(json(listed.out)).toEqual([
    {
      id: younger.id,
      kind: 'transient',
      model: 'echo',
      version: '1',
      tenant: 'default',
      error_code: 'UPSTREAM_ERROR',
      attempts: 3,
      redrives: 0,
      died_at: new Date(younger.diedAt).toISOString(),
      age_s: expect.any(Number),
    },
  ]);
  const limited = await dlq('list', '--limit', '1');
  expect(lines(limited.out)).toHaveLength(2);
  expect(limited.err).toContain('more than 1');
  expect((await dlq('list', '--tenant', 'nobody')).err).toBe('no dead letters\n');
});

test('show tells all but the payload', async () => {
  const letter = await stored(first, 'permanent', {
    error: { code: 'INVALID_INPUT', message: 'wrong shape', details: { input: 'x' } },
  });
  const { code, out } = await dlq('show', letter.id);
  expect(code).toBe(0);
  expect(out).toContain('INVALID_INPUT: wrong shape {"input":"x"}');
  expect(out).toMatch(/^payload +10 bytes$/m);
  const [shown] = json((await dlq('show', letter.id, '--json')).out);
  expect(shown).toMatchObject({
    id: letter.id,
    payload_bytes: 10,
    error: letter.error,
    history: [],
    crashes: 0,
  });
  expect(JSON.stringify(shown)).not.toContain(Buffer.from('the inputs').toString('base64'));
});

test('a letter of a job that nobody could read is found and purged, not redriven', async () => {
  const letter = await stored(second, 'unreadable', { id: 'b-1' });
  expect((await dlq('show', 'b-1')).out).toContain('unreadable');
  const refused = await dlq('redrive', 'b-1');
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.err).toContain('CONFLICT: b-1 cannot be redriven');
  expect((await dlq('purge', 'b-1', '--json')).out).toBe(`{"id":"${letter.id}","purged":true}\n`);
  expect(await lettersOf(second).size()).toBe(0);
});

test('redrive enqueues one, or those of a filter, and passes over what cannot run', async () => {
  const one = await stored(first, 'crash');
  const redriven = await dlq('redrive', one.id, '--timeout', '60', '--json');
  const [answer] = json(redriven.out);
  expect(answer).toEqual({ id: one.id, redriven_as: expect.stringMatching(/^inf_.*_sc0$/) });
  const keys = new ShardKeys(first);
  const record = await redis.hgetall(keys.recordPrefix + refOf('default', String(answer?.['redriven_as'])));
  expect(record).toMatchObject({ mode: 'job', state: 'waiting' });
  const leftMs = Number(record['deadline']) - Date.now();
  expect(leftMs > 0 && leftMs <= 60_000).toBe(true);
  expect((await dlq('redrive', one.id)).code).toBe(3);

  for (const model of ['a', 'b', 'a']) await stored(second, 'transient', { model });
  await lettersOf(second).add(deadLetter(second, 'transient', { model: 'a', diedAt: 1 }), Buffer.alloc(0));
  const looked = await dlq('redrive', '--model', 'a', '--dry-run');
  expect([lines(looked.out).length, looked.err]).toEqual([4, 'would redrive 3\n']);
  const all = await dlq('redrive', '--kind', 'transient', '--model', 'a');
  expect([all.code, lines(all.out).length]).toEqual([0, 2]);
  expect(all.err).toContain('2 redriven, 1 passed over');
  expect(await lettersOf(second).size()).toBe(2);
});

test('redrive by filter ends where the queue refuses', async () => {
  for (let i = 0; i < 3; i += 1) await stored(first, 'transient');
  const env = { REDIS_URL: server.url, QUEUES: '{"standard":{"bound":1}}' };
  const { code, out, err } = await node(['scripts/dlq.mjs', 'redrive', '--kind', 'transient'], env);
  expect([code, lines(out).length]).toEqual([1, 1]);
  expect(err).toMatch(/1 redriven, 0 passed over\nOVERLOADED: /);
  expect(await lettersOf(first).size()).toBe(2);
});

test('purge by filter needs --yes', async () => {
  for (const tenant of ['a', 'b', 'a']) await stored(first, 'crash', { tenant });
  const asked = await dlq('purge', '--tenant', 'a');
  expect(asked.code).toBe(2);
  expect(await lettersOf(first).size()).toBe(3);
  const looked = await dlq('purge', '--tenant', 'a', '--dry-run');
  expect(looked.err).toBe('would purge 2\n');
  const purged = await dlq('purge', '--tenant', 'a', '--yes', '--json');
  expect([purged.code, json(purged.out).length, purged.err]).toEqual([0, 2, '2 purged, 0 passed over\n']);
  expect(await lettersOf(first).size()).toBe(1);
});

test.each([
  [[]],
  [['frobnicate']],
  [['show']],
  [['list', 'inf_x']],
  [['list', '--kind', 'odd']],
  [['list', '--limit', '0']],
  [['list', '--older-than', '5 weeks']],
  [['show', 'inf_x', '--yes']],
  [['redrive']],
  [['redrive', 'inf_x', '--kind', 'transient']],
  [['purge', '--unknown']],
])('wrong arguments %p: exit code 2, nothing on stdout', async (args) => {
  const { code, out, err } = await dlq(...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('npm run dlq -- --help');
});

test('unknown ids, wrong environments and an absent Redis have exit codes of their own', async () => {
  for (const command of ['show', 'redrive', 'purge']) {
    const { code, out, err } = await dlq(command, 'inf_unknown');
    expect([code, out, err]).toEqual([3, '', 'no dead letter inf_unknown\n']);
  }
  expect((await node(['scripts/dlq.mjs', 'list'], { SHARDS: 'x' })).code).toBe(78);
  const away = await node(['scripts/dlq.mjs', 'list'], { REDIS_URL: 'redis://127.0.0.1:1' });
  expect([away.code, away.out]).toEqual([1, '']);
  expect((await dlq('--help')).out).toContain('Exit code 0');
});
