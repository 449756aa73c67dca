// Writes the files that are made from others: protobuf types, docs/configuration.md, the inventory of metrics with the
// dashboards, and what npm left out of package-lock.json. With --check it only says which are out of date and exits 1.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completeLock } from './lib/complete-lock.mjs';
import { configurationPage } from './lib/configuration-page.mjs';
import { bin, must, node, report, root } from './lib/run.mjs';
import { build, setUp } from './setup.mjs';

const PROTO_TYPES = 'libs/rpc/src/gen';
const PROTO_FILES = ['inference/v1/inference.proto', 'dispatch/v1/dispatch.proto'];
const CONFIGURATION = 'docs/configuration.md';
const LOCK = 'package-lock.json';

async function writeProtoTypes(outDir) {
  const options = '--longs=Number --enums=String --keepCase --defaults --oneofs --grpcLib=@grpc/grpc-js';
  const args = [
    ...options.split(' '),
    '--importFileExtension=.ts',
    `--outDir=${outDir}`,
    '-I',
    'proto',
    '--',
  ];
  // In the root: the path of the .proto becomes part of the text.
  await must('Protobuf types', node, [join(bin, 'proto-loader-gen-types'), ...args, ...PROTO_FILES], {
    cwd: root,
  });
}

async function configuration() {
  const { format, resolveConfig } = await import('prettier');
  const file = join(root, CONFIGURATION);
  return format(configurationPage(), { ...(await resolveConfig(file)), parser: 'markdown' });
}

async function generate() {
  writeFileSync(join(root, LOCK), completeLock(read(join(root, LOCK))));
  await setUp();
  rmSync(join(root, PROTO_TYPES), { recursive: true, force: true });
  await writeProtoTypes(join(root, PROTO_TYPES));
  // The page needs a build, and the build the types.
  await build();
  writeFileSync(join(root, CONFIGURATION), await configuration());
  await (await observability()).generate();
}

/** Reads the compiled services: to be imported after the build. */
const observability = () => import('./observability/generate.mjs');

/** The generated files that differ from what would be generated now. Needs a build. */
async function outdated() {
  const fresh = mkdtempSync(join(tmpdir(), 'frontier-generate-'));
  try {
    await writeProtoTypes(fresh);
    const wanted = new Map(filesOf(fresh).map((path) => [join(PROTO_TYPES, path), read(join(fresh, path))]));
    wanted.set(CONFIGURATION, await configuration());
    wanted.set(LOCK, completeLock(read(join(root, LOCK))));
    const left = filesOf(join(root, PROTO_TYPES)).map((path) => join(PROTO_TYPES, path));
    const paths = [...new Set([...wanted.keys(), ...left])];
    const observed = await (await observability()).generate({ check: true });
    return [...paths.filter((path) => wanted.get(path) !== read(join(root, path))), ...observed];
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

function filesOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.ts'));
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

async function main() {
  if (!process.argv.includes('--check')) return generate();
  const paths = await outdated();
  if (paths.length === 0) return;
  console.error(`out of date; run \`npm run generate\`:\n  ${paths.join('\n  ')}`);
  process.exitCode = 1;
}

main().catch(report);
