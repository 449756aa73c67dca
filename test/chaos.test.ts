import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The machine may be busy with other tests; a quiet one needs less than a minute. */
const TIMEOUT_MS = 240_000;

jest.setTimeout(TIMEOUT_MS + 10_000);

interface Row {
  name: string;
  seed: number;
  kills: number;
  sent: number;
  acknowledged: number;
  executed: number;
  committed: number;
  delivered: number;
  lost: number;
  double: number;
  problems: string[];
}

test('the short set of experiments loses nothing and answers nothing twice', async () => {
  const run = promisify(execFile)(process.execPath, ['scripts/chaos.mjs', '--short', '--json'], {
    cwd: join(__dirname, '..'),
    timeout: TIMEOUT_MS,
    maxBuffer: 16 * 1024 * 1024,
  });
  const { stdout } = await run.catch((error: { stdout: string; message: string }) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  const { scenarios } = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as { scenarios: Row[] };
  expect(scenarios.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['gateway', 'dispatcher', 'worker', 'redis-aof', 'failpoints', 'connections']),
  );
  for (const row of scenarios) {
    expect(row).toMatchObject({ seed: 1, lost: 0, double: 0, problems: [] });
    expect(row.delivered).toBeGreaterThan(0);
    expect(row.committed).toBeGreaterThanOrEqual(row.delivered);
    expect(row.executed).toBeGreaterThan(0);
  }
  expect(scenarios.reduce((kills, row) => kills + row.kills, 0)).toBeGreaterThan(10);
});
