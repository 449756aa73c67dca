// node scripts/ci/secrets.mjs: looks for passwords and keys in every file that Git has or would take, with secretlint.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const BINARY = /\.(onnx|png|jpe?g|gif|ico|woff2?|gz|xz)$/;
/** Names on one command line: systems limit how long it may be. */
const FILES_AT_ONCE = 500;

const listed = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--deduplicate'],
  {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  },
);
const deleted = execFileSync('git', ['ls-files', '--deleted', '-z'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
});
const gone = new Set(deleted.split('\0'));
const files = listed.split('\0').filter((file) => file && !gone.has(file) && !BINARY.test(file));

let failed = false;
for (let start = 0; start < files.length; start += FILES_AT_ONCE) {
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/secretlint/bin/secretlint.js'),
      '--secretlintrc',
      join(root, 'scripts/ci/secretlint.json'),
      '--maskSecrets',
      '--no-glob',
      ...files.slice(start, start + FILES_AT_ONCE),
    ],
    { cwd: root, stdio: 'inherit', timeout: 300_000 },
  );
  failed ||= status !== 0;
}
console.log(
  `${files.length} files, ${failed ? 'see above: take the secret out, revoke it' : 'no secret found'}`,
);
process.exitCode = failed ? 1 : 0;
