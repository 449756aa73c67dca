import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The machine may be busy with other tests; a quiet one needs less than a minute. */
const TIMEOUT_MS = 300_000;

jest.setTimeout(TIMEOUT_MS + 10_000);

interface Row {
  name: string;
  phase: string;
  requests: number;
  decisions: number;
  replayed: number;
  commits: string[];
  problems: string[];
}

test('on real services a good canary gets all traffic, and one that fails is taken back', async () => {
  const run = promisify(execFile)(process.execPath, ['scripts/canary-run.mjs', '--short', '--json'], {
    cwd: join(__dirname, '..'),
    timeout: TIMEOUT_MS,
    maxBuffer: 16 * 1024 * 1024,
  });
  const { stdout } = await run.catch((error: { stdout: string; message: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  const { rows } = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as { rows: Row[] };
  expect(rows.map(({ name, phase, problems }) => ({ name, phase, problems }))).toEqual([
    { name: 'good', phase: 'promoted', problems: [] },
    { name: 'errors', phase: 'rolled-back', problems: [] },
  ]);
  for (const { requests, decisions, replayed } of rows) {
    expect(requests).toBeGreaterThan(0);
    expect(replayed).toBe(decisions);
  }
  const commits = rows.flatMap(({ commits }) => commits.map((line) => line.split(' ')[1]));
  expect(commits).toEqual(['begin', 'canary', 'promote', 'settle', 'canary', 'rollback']);
});
