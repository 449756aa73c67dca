import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/*
 * What can be known of the runbooks without a cluster. The scripts are ES modules, so they are asked from outside.
 */

interface Step {
  section: string;
  line: number;
  code: string;
  match?: string;
  skip?: string;
}
interface Runbook {
  name: string;
  broken?: string;
  steps: Step[];
  faults: string[];
}

const root = join(__dirname, '..');
const run = promisify(execFile);

async function ask<T>(code: string): Promise<T> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: __dirname,
    maxBuffer: 16 * 1024 * 1024,
  });
  return JSON.parse(stdout) as T;
}

const parsed = (text: string) =>
  ask<Runbook>(
    `import { parseRunbook } from './runbooks/parse.mjs'; console.log(JSON.stringify(parseRunbook('x', ${JSON.stringify(text)})))`,
  );

const GOOD = [
  '# X',
  '<!-- broken: nothing -->',
  '```sh\nNAMESPACE=frontier\n```',
  ...['Meaning', 'Impact', 'Diagnosis', 'Mitigation', 'Afterwards'].map((section) => `## ${section}\nText.`),
  '```sh match="^200" exit="0|6" deadline="9"\ncall\n```',
].join('\n\n');

describe('the runbooks', () => {
  let runbooks: Runbook[];
  let states: string[];
  beforeAll(async () => {
    const code = `
      import { readRunbook, runbookNames } from './runbooks/parse.mjs';
      import { BREAKERS } from './runbooks/breakers.mjs';
      console.log(JSON.stringify([runbookNames().map(readRunbook), Object.keys(BREAKERS)]));`;
    [runbooks, states] = await ask<[Runbook[], string[]]>(code);
  });

  test('have their sections, and a known treatment for each command', () => {
    expect(
      runbooks.filter(({ faults }) => faults.length > 0).map(({ name, faults }) => [name, faults]),
    ).toEqual([]);
    expect(runbooks.filter(({ broken }) => !states.includes(broken ?? '')).map(({ name }) => name)).toEqual(
      [],
    );
  });

  test('every broken state is that of a runbook', () => {
    const used = new Set(runbooks.map(({ broken }) => broken));
    expect(states.filter((state) => !used.has(state))).toEqual([]);
  });

  test('expect outputs by regular expressions that are some', () => {
    for (const { steps } of runbooks)
      for (const { match } of steps)
        if (match !== undefined) expect(() => new RegExp(match, 'm')).not.toThrow();
  });

  test('there is one for each alert, and one that names no alert is an operation', () => {
    const folder = join(root, 'helm/frontier/rules');
    const rules = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')).join('\n'); // prettier-ignore
    const alerts = [...rules.matchAll(/^\s*- alert: (\S+)$/gm)].map(([, name]) => kebab(name ?? ''));
    const links = [...rules.matchAll(/runbook_url: \S*\/docs\/runbooks\/(\S+)\.md$/gm)].map(
      ([, name]) => name ?? '',
    );
    const names = runbooks.map(({ name }) => name);
    expect(alerts.length).toBeGreaterThan(0);
    expect([...alerts].sort()).toEqual(names.filter((name) => name.startsWith('frontier-')));
    expect([...links].sort()).toEqual([...alerts].sort());
  });

  test('lead only to what is there', () => {
    for (const { name } of runbooks) {
      const text = readFileSync(join(root, 'docs/runbooks', `${name}.md`), 'utf8');
      for (const [, file] of text.matchAll(/\]\(((?:\.\.\/)?[a-z-]+\.md)/g))
        if (file !== '../kubernetes.md') expect([name, readFileSync(join(root, 'docs/runbooks', file ?? ''), 'utf8').length > 0]).toEqual([name, true]); // prettier-ignore
    }
  });

  test('are all in the index', () => {
    const index = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    expect(
      runbooks.filter(({ name }) => !index.includes(`(runbooks/${name}.md)`)).map(({ name }) => name),
    ).toEqual([]);
  });
});

describe('reading one', () => {
  test('says how each command is tried', async () => {
    const { faults, broken, steps } = await parsed(GOOD);
    expect({ faults, broken }).toEqual({ faults: [], broken: 'nothing' });
    expect(steps.at(-1)).toMatchObject({
      section: 'Afterwards',
      code: 'call',
      match: '^200',
      exit: [0, 6],
      deadlineS: 9,
    });
  });

  test.each([
    ['a section is missing', GOOD.replace('## Impact', '## Effect'), /sections must be/],
    ['no state', GOOD.replace('broken', 'state'), /in which state/],
    ['another language', GOOD.replace('```sh match', '```bash match'), /must begin with sh/],
    ['an unknown word', GOOD.replace('match=', 'matches='), /matches= is nothing/],
    ['no reason', GOOD.replace('match="^200"', 'skip="GPU"'), /has to say why/],
    ['no namespace', GOOD.replace('NAMESPACE=frontier', 'true'), /must set NAMESPACE/],
    ['no end', GOOD.replace(/\n```$/, ''), /has no end/],
    ['a deadline that is none', GOOD.replace('"9"', '"0"'), /must be seconds/],
  ])('%s', async (_, text, fault) => {
    expect((await parsed(text)).faults.join('\n')).toMatch(fault);
  });
});

test('a sample is another one each day, until all had their turn', async () => {
  const code = `import { rotated } from './runbooks.mjs'; const names = [...'abcdefg'];
    console.log(JSON.stringify([0, 1, 2, 3, 4].map((day) => rotated(names, 2, day * 86400000).join('')).concat(rotated(names, Infinity, 1e12).join(''))))`;
  expect(await ask<string[]>(code)).toEqual(['ab', 'cd', 'ef', 'ga', 'bc', 'abcdefg']);
});

test('a namespace that no test has labelled is not touched', async () => {
  const code = `import { Installation } from './runbooks/installation.mjs';
    import { mkdtempSync, writeFileSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    const folder = mkdtempSync(tmpdir() + '/frontier-runbooks-');
    writeFileSync(folder + '/kubectl', '#!/bin/sh\\nprintf "%s " "$@" >> ' + folder + '/calls\\necho \\'{"metadata":{"labels":{}}}\\'', { mode: 0o755 });
    const told = await Installation.open('shop', { PATH: folder + ':' + process.env.PATH }).catch((error) => error.message);
    const { readFileSync } = await import('node:fs');
    console.log(JSON.stringify([told, readFileSync(folder + '/calls', 'utf8')]));`;
  const [told, calls] = await ask<[string, string]>(code);
  expect(told).toMatch(/^The namespace shop has no label frontier\.dev\/test=true/);
  expect(calls.trim()).toBe('-n shop get namespace shop -o json');
});

function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}
