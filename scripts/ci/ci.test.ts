import { execFile, type ExecFileException } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/* The scripts are ES modules that a bare Node must be able to run: they are tested from outside, as processes. */

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'frontier-ci-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function run(script: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return new Promise<{ code: number | string; stdout: string; stderr: string }>((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string) =>
      resolve({ code: error?.code ?? 0, stdout, stderr });
    const options = { env: { ...process.env, GITHUB_STEP_SUMMARY: '', ...env }, timeout: 15_000 };
    execFile(process.execPath, [join(__dirname, script), ...args], options, done);
  });
}

function write(name: string, content: unknown): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('summary.mjs', () => {
  const tests = {
    numPassedTests: 3,
    numPendingTests: 1,
    testResults: [
      { name: '/a/good.test.ts', status: 'passed', assertionResults: [{ status: 'passed', fullName: 'is' }] },
    ],
  };
  const chaos = {
    scenarios: [{ name: 'kill', ok: true, problems: [], acknowledged: 50, lost: 0, double: 0 }],
  };
  const bench = {
    rows: [
      {
        scenario: 'a',
        requests: 10,
        completed: 10,
        failed: 0,
        p99: 12.345,
        goals: [{ met: false }, { met: true }],
      },
    ],
  };
  const cluster = [{ name: 'install', ok: true, seconds: 41.5 }];

  it('puts every kind of report into one document and one page', async () => {
    const files = [
      write('jest.json', tests),
      write('chaos.json', chaos),
      write('bench.json', bench),
      write('cluster.json', cluster),
    ];
    const out = join(folder, 'summary.json');
    const page = join(folder, 'page.md');
    const { code, stdout } = await run('summary.mjs', ['--out', out, ...files], {
      GITHUB_STEP_SUMMARY: page,
    });
    expect(code).toBe(0);
    const summary = JSON.parse(readFileSync(out, 'utf8'));
    expect(summary.ok).toBe(true);
    expect(
      summary.reports.map((report: { kind: string; figures: object }) => [report.kind, report.figures]),
    ).toEqual([
      ['tests', { passed: 3, failed: 0, skipped: 1 }],
      ['chaos', { scenarios: 1, acknowledged: 50, lost: 0, double: 0 }],
      ['load', { scenarios: 1, completed: 10, goalsMissed: 1, worstP99Ms: 12.345 }],
      ['cluster', { steps: 1, seconds: 41.5 }],
    ]);
    expect(readFileSync(page, 'utf8')).toContain('## Smoke: passed');
    expect(stdout).toContain(
      '| ✓ | load | bench.json | scenarios 1, completed 10, goalsMissed 1, worstP99Ms 12.35 |',
    );
  });

  it.each([
    [
      'a failed test',
      'a.json',
      {
        ...tests,
        testResults: [
          {
            name: '/a/bad.test.ts',
            status: 'failed',
            assertionResults: [{ status: 'failed', fullName: 'adds | up' }],
          },
        ],
      },
      String.raw`tests: bad.test.ts: adds \| up`,
    ],
    [
      'a file that could not be run',
      'a.json',
      { ...tests, testResults: [{ name: '/a/bad.test.ts', status: 'failed', assertionResults: [] }] },
      'bad.test.ts: could not be run',
    ],
    [
      'a failed scenario',
      'a.json',
      { scenarios: [{ name: 'kill', ok: false, problems: ['2 lost', 'slow'] }] },
      'chaos: kill: 2 lost; slow',
    ],
    [
      'failed requests under load',
      'a.json',
      { rows: [{ scenario: 'a', requests: 10, completed: 8, failed: 2, p99: 1 }] },
      'load: a: 2 of 10 failed',
    ],
    [
      'a failed step on the cluster',
      'a.json',
      [{ name: 'drain', ok: false, seconds: 1, told: '3 requests failed' }],
      'cluster: drain: 3 requests failed',
    ],
    ['a run of nothing', 'a.json', { scenarios: [] }, 'chaos: nothing was run'],
    ['another document', 'a.json', { hello: 1 }, 'unknown: is no report of'],
    ['half a document', 'a.json', '{"rows": [', 'unreadable:'],
  ])('fails for %s', async (_, name, content, told) => {
    const page = join(folder, 'page.md');
    const { code, stdout } = await run('summary.mjs', [write(name, content)], { GITHUB_STEP_SUMMARY: page });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).ok).toBe(false);
    expect(readFileSync(page, 'utf8')).toContain(told);
  });

  it('fails for a report that was never written', async () => {
    const { code, stdout } = await run('summary.mjs', [join(folder, 'none.json')]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).reports).toEqual([
      { name: 'none.json', kind: 'missing', ok: false, figures: {}, failures: ['was not written'] },
    ]);
  });
});

describe('licences.mjs', () => {
  const exceptions = {
    'node_modules/@img/sharp-libvips-linux-x64': { version: '1.0.0', license: 'LGPL-3.0-or-later' },
    'node_modules/caniuse-lite': { version: '1.0.0', license: 'CC-BY-4.0', dev: true },
  };
  const licences = (packages: Record<string, object>) => {
    write('package-lock.json', { packages: { '': { license: 'X' }, ...packages } });
    return run('licences.mjs', [folder]);
  };

  it('lets permissive licences and the exceptions pass', async () => {
    const { code, stdout } = await licences({
      ...exceptions,
      'node_modules/a': { version: '1.0.0', license: '(GPL-3.0-only OR MIT)' },
      'node_modules/a/node_modules/b': { version: '1.0.0', license: 'Apache-2.0 AND MIT' },
      'node_modules/c': { resolved: 'libs/c', link: true },
      'node_modules/windows-only': { version: '1.0.0', optional: true },
    });
    expect(stdout).toContain('5 packages, 0 refused');
    expect(code).toBe(0);
  });

  it.each([
    ['copyleft', { version: '1.0.0', license: 'GPL-3.0-only' }, 'a@1.0.0: GPL-3.0-only'],
    ['an AND with copyleft', { version: '1.0.0', license: 'MIT AND AGPL-3.0-only' }, 'a@1.0.0: MIT AND'],
    ['the licence of an exception', { version: '1.0.0', license: 'LGPL-3.0-or-later' }, 'a@1.0.0: LGPL'],
    ['no licence', { version: '1.0.0' }, 'a@1.0.0: states no licence'],
  ])('refuses a package with %s', async (_, entry, told) => {
    const { code, stderr } = await licences({ ...exceptions, 'node_modules/a': entry });
    expect(stderr).toContain(told);
    expect(code).toBe(1);
  });

  it('reads the licence of an installed package that the lock file does not tell', async () => {
    write('node_modules/a/package.json', { license: 'SSPL-1.0' });
    const { stderr } = await licences({ ...exceptions, 'node_modules/a': { version: '1.0.0' } });
    expect(stderr).toContain('a@1.0.0: SSPL-1.0');
  });

  it('tells of an exception that nothing needs', async () => {
    const { code, stderr } = await licences({});
    expect(stderr).toContain('caniuse-lite$/ is not needed any more');
    expect(code).toBe(1);
  });
});

describe('release.mjs', () => {
  function release(
    tag: string,
    {
      version = '1.2.0',
      changelog = '# Changelog\n\n## 1.2.0 (2026-11-30)\n\n- New.\n\n## 1.1.0\n\n- Old.\n',
    } = {},
  ) {
    write('package.json', { version });
    write('CHANGELOG.md', changelog);
    write('helm/frontier/Chart.yaml', `name: frontier\nappVersion: "${version}"\n`);
    return run('release.mjs', [tag, folder]);
  }

  it('prints the section of the version and nothing of the others', async () => {
    expect(await release('v1.2.0')).toEqual({ code: 0, stdout: '- New.\n', stderr: '' });
  });

  it.each(['1.2.0', 'v1.2', 'v01.2.0', 'v1.2.0;echo', ''])('refuses the tag %p', async (tag) => {
    const { code, stderr } = await release(tag);
    expect(code).toBe(2);
    expect(stderr).toContain('a release is a tag like v1.2.3');
  });

  it('names each file that has another version', async () => {
    const { code, stderr } = await release('v1.3.0');
    expect(code).toBe(1);
    expect(stderr).toContain('package.json has 1.2.0, the tag 1.3.0');
    expect(stderr).toContain('helm/frontier/Chart.yaml has appVersion 1.2.0');
    expect(stderr).toContain('CHANGELOG.md has no section "## 1.3.0"');
  });

  it('refuses a section without text', async () => {
    const { code, stderr } = await release('v1.2.0', { changelog: '## 1.2.0\n\n## 1.1.0\n\n- Old.\n' });
    expect(code).toBe(1);
    expect(stderr).toContain('no section');
  });
});
