import { execFile, execFileSync, type ExecFileException } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const WEEKEND = [{ schedule: '0 18 * * 5', minutes: 3_720, reason: 'weekend' }];

function run(
  args: string[],
  windows = '',
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, CANARY_FREEZE_WINDOWS: windows };
    execFile(process.execPath, ['sync-windows.mjs', ...args], { cwd: __dirname, env, timeout: 15_000 }, (error: ExecFileException | null, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })); // prettier-ignore
  });
}

// The command uses the compiled library.
beforeAll(() => {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--build', 'libs/policy'], {
    cwd: join(__dirname, '..'),
    timeout: 50_000,
  });
});

test('freeze windows of the controller become deny windows of the environment', async () => {
  const { stdout } = await run(['prod'], JSON.stringify(WEEKEND));
  expect(JSON.parse(stdout)).toEqual({
    syncWindows: [
      { kind: 'deny', schedule: '0 18 * * 5', duration: '3720m', applications: ['prod-*', 'frontier-prod'], manualSync: true, timeZone: 'UTC' }, // prettier-ignore
    ],
  });
});

test('from a file too; none unless somebody sets them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'frontier-windows-'));
  writeFileSync(join(folder, 'windows.json'), JSON.stringify(WEEKEND));
  expect(JSON.parse((await run(['dev', join(folder, 'windows.json')])).stdout).syncWindows).toHaveLength(1);
  expect(JSON.parse((await run(['dev'])).stdout)).toEqual({ syncWindows: [] });
  rmSync(folder, { recursive: true });
});

test.each([
  ['[', 'is not JSON'],
  ['{}', 'must be a list'],
  ['[{"schedule":"0 18 * *","minutes":1,"reason":"x"}]', 'window 0: schedule: 0 18 * *: five fields'],
  ['[{"minutes":1,"schedule":"* * * * *"}]', 'window 0: a reason is missing'],
])('a wrong list is refused: %s', async (windows, message) => {
  const { code, stderr } = await run(['prod'], windows);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});
