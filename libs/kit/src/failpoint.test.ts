import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { activateFailpoints, failpoint, failpointsSchema } from './failpoint.ts';

const activate = (text: string) => activateFailpoints(failpointsSchema.parse(text));

afterEach(() => activate(''));

test('nothing happens unless it is named', () => {
  expect(failpoint('worker.result.before')).toBeUndefined();
  activate('worker.result.after=error');
  expect(failpoint('worker.result.before')).toBeUndefined();
});

test('reads names, actions and hits', () => {
  expect(failpointsSchema.parse('a.b.before=kill@2; a.b.before=log:/x y/z.log;c.retry-add.after=delay:20;')).toEqual([
    { name: 'a.b.before', action: { kind: 'kill' }, at: 2 },
    { name: 'a.b.before', action: { kind: 'log', file: '/x y/z.log' }, at: undefined },
    { name: 'c.retry-add.after', action: { kind: 'delay', ms: 20 }, at: undefined },
  ]); // prettier-ignore
  for (const wrong of ['a.b.before', 'a.b=explode', 'a.b=delay:x', 'a.b=kill@0', '=kill', 'a.b=log:']) {
    expect(failpointsSchema.safeParse(wrong).success).toBe(false);
  }
});

test('an error at the second hit only', () => {
  activate('a.b.before=error@2');
  void failpoint('a.b.before');
  expect(() => failpoint('a.b.before')).toThrow('failpoint a.b.before');
  void failpoint('a.b.before');
});

test('tells what passed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'failpoint-'));
  try {
    activate(`a.b.after=log:${join(folder, 'ledger')};a.b.after=delay:1`);
    await failpoint('a.b.after', 'inf_1');
    await failpoint('a.b.after', 'inf_2');
    expect(readFileSync(join(folder, 'ledger'), 'utf8')).toBe('a.b.after inf_1\na.b.after inf_2\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a killed process does not get to its next statement', async () => {
  const source = join(__dirname, 'failpoint.ts');
  const script = `
    const { activateFailpoints, failpoint } = require(${JSON.stringify(source)});
    activateFailpoints([{ name: 'a.b.before', action: { kind: 'kill' } }]);
    process.stdout.write('before');
    failpoint('a.b.before');
    require('fs').writeSync(1, 'after');`;
  const run = promisify(execFile)(process.execPath, ['-e', script], { timeout: 20_000 });
  await expect(run).rejects.toMatchObject({ signal: 'SIGKILL', stdout: 'before' });
});
