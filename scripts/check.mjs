// `npm run check`: everything that is checked without running the program, as one table.
import { join } from 'node:path';
import { capture, node, report, root } from './lib/run.mjs';
import { setUp } from './setup.mjs';

const modules = join(root, 'node_modules');

const CHECKS = [
  // First, since the others read what it writes.
  ['types and build', 'typescript/bin/tsc', '--build', '.', 'test'],
  ['lint', 'oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
  ['dependencies, dead code', 'knip/bin/knip.js', '--no-progress'],
  [
    'dependencies in production',
    'knip/bin/knip.js',
    '--no-progress',
    '--production',
    '--strict',
    '--dependencies',
  ],
  ['generated files', '../scripts/generate.mjs', '--check'],
];

async function check() {
  await setUp();
  const results = [];
  for (const [name, file, ...args] of CHECKS) {
    const startedAt = performance.now();
    const env = { ...process.env, ...(!process.stdout.isTTY && { NO_COLOR: '1' }) };
    const { code, output } = await capture(node, [join(modules, file), ...args], {
      cwd: root,
      timeoutMs: 600_000,
      env,
    });
    if (code !== 0) console.log(`--- ${name}\n${output.trimEnd()}\n`);
    results.push({ name, ok: code === 0, seconds: (performance.now() - startedAt) / 1000 });
  }
  const width = Math.max(...results.map(({ name }) => name.length));
  for (const { name, ok, seconds } of results) {
    console.log(`${name.padEnd(width)}  ${ok ? 'ok    ' : 'FAILED'}  ${seconds.toFixed(1).padStart(5)} s`);
  }
  return results.every(({ ok }) => ok) ? 0 : 1;
}

check().then((code) => process.exit(code), report);
