// Puts everything in place that start, test and bench need; does nothing, within a second, when it is there.
// The first run happens on whatever Node the machine has (20 or later); what it starts then runs on Node 24.
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { attach, bin, isMain, must, node, Problem, report, root } from './lib/run.mjs';
import { provideRedis } from './redis.mjs';

/** Installs packages, builds and makes models as needed; says how to reach or start Redis. */
export async function setUp(log = console.error) {
  if (process.platform === 'win32') throw new Problem('Windows: please run this inside WSL.');
  // Both at once; npm comes to its end whatever becomes of Redis.
  const [redis, packages] = await Promise.allSettled([provideRedis(log), installPackages(log)]);
  for (const { reason } of [packages, redis]) if (reason) throw reason;
  await makeModels(log);
  return redis.value;
}

/** Compiles what changed. */
export async function build(log = console.error) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const code = await attach(node, [tsc, '--build'], { stdio: ['ignore', 2, 2] });
  if (code !== 0) throw new Problem('The build failed: see the errors above.');
  log('built');
}

async function installPackages(log) {
  if (isInstalled()) return;
  log('installing Node packages (npm ci) ...');
  // The old node_modules/.bin goes away meanwhile, with the Node in it.
  const PATH = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== bin);
  await must('npm', 'npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: root,
    // Its script would download GPU libraries; the package holds what the CPU needs.
    env: { ...process.env, PATH: PATH.join(delimiter), ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (!existsSync(node)) {
    throw new Problem(
      'npm ci did not bring Node 24 (package `node`): are install scripts switched off?\n' +
        'Try `npm config delete ignore-scripts`, remove node_modules, and start again.',
    );
  }
}

/** Whether node_modules holds what package-lock.json asks for, however it came there. */
function isInstalled() {
  const hidden = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden) || !existsSync(node)) return false;
  const wanted = readPackages(join(root, 'package-lock.json'));
  const there = readPackages(hidden);
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.includes('node_modules/') || optional || link || there[path]?.version === version,
  );
}

function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

async function makeModels(log) {
  if (existsSync(join(root, 'models/mlp/1/model.onnx'))) return;
  log('making the benchmark model ...');
  await must('The model', node, [join(root, 'scripts/make-models.mjs')], { cwd: root });
}

if (isMain(import.meta.url))
  setUp()
    .then(() => build())
    .catch(report);
