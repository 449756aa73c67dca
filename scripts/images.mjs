// `npm run images`: builds the images, checks what is in them, and writes their SBOMs. docs/images.md explains it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultsOf, sbomOf } from './images/contents.mjs';
import { attach, isMain, must, Problem, report, root } from './lib/run.mjs';

const IMAGES = ['gateway', 'dispatcher', 'worker', 'canary-controller', 'control', 'models'];
const REPORTS = join(root, 'reports/images');

const HELP = `npm run images -- [options]

  --only <image>,…    of ${IMAGES.join(', ')}
  --tag <tag>         default: the version in package.json
  --network <name>    network of the build; \`host\` where containers reach no registry
`;

/** What an image says of its origin; the same for the same commit. */
async function origin() {
  const git = async (...args) => (await must('git', 'git', ['-C', root, ...args])).trim();
  const epoch = process.env.SOURCE_DATE_EPOCH || (await git('log', '-1', '--format=%ct'));
  const changed = (await git('status', '--porcelain')) !== '';
  return {
    REVISION: (await git('rev-parse', 'HEAD')) + (changed ? '-changed' : ''),
    CREATED: new Date(Number(epoch) * 1000).toISOString().replace('.000', ''),
  };
}

async function buildImage(image, { reference, network, labels }) {
  const values = Object.entries(labels).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const where = network ? ['--network', network] : [];
  const args = ['build', '--target', image, '--tag', reference, ...where, ...values, '.'];
  const code = await attach('docker', args);
  if (code !== 0)
    throw new Problem(`${image} was not built. Where a registry could not be reached: --network host.`);
}

/** Builds one image and gives its row of the table; faults are of its content. */
async function makeImage(image, { tag, network, labels }) {
  const reference = `frontier/${image}:${tag}`;
  const startedAt = performance.now();
  await buildImage(image, { reference, network, labels });
  const seconds = (performance.now() - startedAt) / 1000;
  const size = Number(await must('size', 'docker', ['image', 'inspect', '--format={{.Size}}', reference]));
  const sbom = await sbomOf(reference);
  await writeFile(join(REPORTS, `${image}.cdx.json`), `${JSON.stringify(sbom, undefined, 2)}\n`);
  return { reference, seconds, size, packages: sbom.components.length, faults: faultsOf(image, sbom) };
}

function table(rows) {
  const width = Math.max(...rows.map(({ reference }) => reference.length));
  const line = (...[name, ...cells]) =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(10)).join('')}`;
  const body = rows.map(({ reference, seconds, size, packages }) =>
    line(reference, `${(size / 2 ** 20).toFixed(0)} MiB`, String(packages), `${seconds.toFixed(0)} s`),
  );
  return [line('image', 'size', 'packages', 'built in'), ...body].join('\n');
}

function readArguments(args) {
  const option = { type: 'string' };
  const options = { only: option, tag: option, network: option, help: { type: 'boolean', short: 'h' } };
  const { values } = parseArgs({ args, options });
  const only = values.only?.split(',') ?? IMAGES;
  const unknown = only.filter((name) => !IMAGES.includes(name));
  if (unknown.length > 0) throw new Problem(`no image ${unknown.join(', ')}\n\n${HELP}`);
  return { ...values, only };
}

async function main() {
  const { help, only, tag, network } = readArguments(process.argv.slice(2));
  if (help) return console.log(HELP);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const labels = { VERSION: version, ...(await origin()) };
  await mkdir(REPORTS, { recursive: true });
  const rows = [];
  // One after the other: they share their first stages.
  for (const image of only) rows.push(await makeImage(image, { tag: tag ?? version, network, labels }));
  console.log(`\n${table(rows)}`);
  const faults = rows.flatMap(({ faults: found }) => found);
  if (faults.length > 0) throw new Problem(faults.join('\n'));
}

if (isMain(import.meta.url)) main().catch(report);
