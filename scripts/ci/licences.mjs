// node scripts/ci/licences.mjs [<folder>]: which licences the packages of package-lock.json have. Ends with 1 when one is neither
// permissive nor an exception with a reason; also when an exception is not needed any more.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences that ask for no more than their text to be kept. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
]);

/** What else is allowed: `packages` by name, `licence` as they state it, and why. */
const EXCEPTIONS = [
  {
    packages: /^@img\/sharp-(libvips-|win32-|wasm32$)/,
    licence: /LGPL-3\.0-or-later/,
    reason: 'libvips, a shared library that sharp loads: it may be replaced, and its text lies beside it',
  },
  {
    packages: /^caniuse-lite$/,
    licence: /^CC-BY-4\.0$/,
    reason: 'data for a development tool; never shipped',
  },
];

/** Whether an SPDX expression can be met with permissive licences: of an OR one side, of an AND both. */
function isPermissive(expression) {
  const text = expression.trim();
  const inner = /^\(([^()]*)\)$/.exec(text)?.[1];
  if (inner !== undefined) return isPermissive(inner);
  if (/\sOR\s/.test(text)) return text.split(/\sOR\s/).some(isPermissive);
  return text.split(/\sAND\s/).every((name) => PERMISSIVE.has(name.replaceAll(/[()]/g, '').trim()));
}

/** Packages of other systems may be missing here, and with them a licence that the lock file does not have. */
function licenceOf(root, path, { license }) {
  if (license !== undefined) return license;
  const file = join(root, path, 'package.json');
  if (!existsSync(file)) return undefined;
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  return typeof manifest.license === 'object' ? manifest.license?.type : manifest.license;
}

/** One row a package: `verdict` is permissive, exception, absent (of another system, not installed) or refused. */
function check(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const installed = Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );
  return installed.map(([path, entry]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const licence = licenceOf(root, path, entry);
    const row = { name, version: entry.version, shipped: !entry.dev, licence };
    if (licence === undefined)
      return { ...row, verdict: entry.optional && !existsSync(join(root, path)) ? 'absent' : 'refused' };
    if (isPermissive(licence)) return { ...row, verdict: 'permissive' };
    const exception = EXCEPTIONS.find((one) => one.packages.test(name) && one.licence.test(licence));
    return { ...row, verdict: exception ? 'exception' : 'refused', reason: exception?.reason };
  });
}

function main(root) {
  const rows = check(root);
  const counts = Object.groupBy(rows, ({ licence }) => licence ?? 'unknown (not installed here)');
  for (const [licence, those] of Object.entries(counts).sort((a, b) => b[1].length - a[1].length)) {
    console.log(`${String(those.length).padStart(4)}  ${licence}`);
  }
  const refused = rows.filter(({ verdict }) => verdict === 'refused');
  for (const { name, version, licence } of refused) {
    console.error(
      `${name}@${version}: ${licence ?? 'states no licence'}. Replace it, or add an exception with a reason.`,
    );
  }
  const unused = EXCEPTIONS.filter(({ reason }) => rows.every((row) => row.reason !== reason));
  for (const { packages } of unused)
    console.error(`The exception ${packages} is not needed any more: remove it.`);
  console.log(`${rows.length} packages, ${refused.length} refused`);
  return refused.length + unused.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2] ?? join(import.meta.dirname, '../..'));
