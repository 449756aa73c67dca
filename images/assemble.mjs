// Puts together what one image holds under /app: node images/assemble.mjs <target> <workspace>… --bin <program>,…
// Runs in the build stage of the Dockerfile, in a compiled repository; needs npm's cache or a registry.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { sbomOf } from './sbom.mjs';

const { values, positionals } = parseArgs({ options: { bin: { type: 'string' } }, allowPositionals: true });
const [target, ...workspaces] = positionals;
const app = join(target, 'app');

/** What a part reads at run time besides its `dist`. */
const FILES = {
  'libs/redis': ['libs/redis/src/lua'],
  'libs/rpc': ['proto'],
  'services/control': ['governance'],
  'services/canary-controller': ['governance'],
};

/** Nothing of it is loaded by a running service. */
const USELESS = /\.(?:d\.[cm]?ts|[cm]?ts|map|tsbuildinfo|md|markdown|test\.js|flow)$|\.test\.js$|\/testing$|\/package-lock\.json$/; // prettier-ignore

function run(command, ...args) {
  return execFileSync(command, args, { cwd: app, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The production dependencies of the workspaces, and links to the parts of the repository that they use. */
function install() {
  cpSync('/manifests', app, { recursive: true });
  const selected = workspaces.map((workspace) => `--workspace=${workspace}`);
  run('npm', 'ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', ...selected);
}

/** The parts of the repository that are linked; the manifests of all others go. */
function linkParts() {
  const links = join(app, 'node_modules/@frontier');
  const parts = readdirSync(links).map((name) =>
    relative(realpathSync(app), realpathSync(join(links, name))),
  );
  for (const folder of ['libs', 'services', 'cli']) rmSync(join(app, folder), { recursive: true });
  for (const part of parts) {
    for (const path of [`${part}/dist`, `${part}/package.json`, ...(FILES[part] ?? [])])
      cpSync(path, join(app, path), { recursive: true });
  }
}

/** Binaries of other platforms, and those of the GPU unless they are asked for. */
function trimRuntime() {
  const runtime = join(app, 'node_modules/onnxruntime-node');
  if (!existsSync(runtime)) return;
  const binaries = join(runtime, 'bin/napi-v6');
  for (const platform of readdirSync(binaries))
    for (const arch of readdirSync(join(binaries, platform)))
      if (platform !== process.platform || arch !== process.arch)
        rmSync(join(binaries, platform, arch), { recursive: true });
  if (process.env.ONNXRUNTIME_NODE_INSTALL === 'cuda12')
    run(process.execPath, join(runtime, 'script/install.js'));
  // The models that ship are in an image of their own, with these files.
  rmSync(join(app, 'node_modules/@gutenye'), { recursive: true, force: true });
}

function writeSbom() {
  const { name, version } = JSON.parse(readFileSync(`${workspaces[0]}/package.json`, 'utf8'));
  writeFileSync(join(app, 'sbom.cdx.json'), `${JSON.stringify(sbomOf(app, name, version), undefined, 2)}\n`);
}

function prune() {
  for (const entry of readdirSync(app, { recursive: true })) {
    if (USELESS.test(join('/', String(entry))))
      rmSync(join(app, String(entry)), { recursive: true, force: true });
  }
  rmSync(join(app, '.npmrc'), { force: true });
}

/** Each is a file of /app/images/bin, from where it finds its packages, with a link on the PATH. */
function programs() {
  const path = join(target, 'usr/local/bin');
  mkdirSync(path, { recursive: true });
  cpSync('images/lib', join(app, 'images/lib'), { recursive: true });
  for (const name of values.bin.split(',')) {
    const file = `images/bin/${name}.mjs`;
    cpSync(file, join(app, file));
    chmodSync(join(app, file), 0o755);
    symlinkSync(`/app/${file}`, join(path, basename(name)));
  }
}

mkdirSync(app, { recursive: true });
install();
linkParts();
trimRuntime();
writeSbom();
prune();
programs();
