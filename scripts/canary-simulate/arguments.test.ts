import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const script = join(__dirname, '../canary-simulate.mjs');
const run = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });

describe('npm run canary:simulate', () => {
  it.each([
    [['--runs', '0'], /--runs must be a whole number from 1/],
    [['--runs', 'many'], /--runs must be a whole number/],
    [['--quick', '--runs', '5'], /--quick and --runs exclude each other/],
    [['--seed', '-1'], /--seed/],
    [['--polici', 'x'], /--polici/],
  ])('refuses %j and says why', (args, message) => {
    const { status, stderr, stdout } = run(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/npm run canary:simulate -- \[options\]/);
  });

  it('helps', () => {
    const { status, stderr } = run('--help');
    expect(status).toBe(0);
    expect(stderr).toMatch(/--policy <file>/);
  });
});
