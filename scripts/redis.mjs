// Finds or installs a Redis server. In this order: REDIS_URL, a server on the machine, the package manager,
// Docker. On Debian and Ubuntu the package is only unpacked into .frontier/: that needs no root, changes nothing
// on the machine and starts no daemon.
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, capture, isMain, must, Problem, report, which, whichAll } from './lib/run.mjs';

const NAMES = ['redis-server', 'valkey-server'];
const FOLDERS = [
  '/usr/bin',
  '/usr/local/bin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
];
/** BullMQ asks for it. */
const OLDEST = [6, 2];
const UNPACKED = join(cache, 'redis-bin');
const IMAGE = 'redis:8-alpine';

const isRoot = process.getuid?.() === 0;

/**
 * How to reach or start a server: `{url}`, `{binary}` (a path) or `{image}` (for Docker). Throws a Problem that
 * says what to install.
 */
export async function provideRedis(log = console.error) {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL };
  const binary = (await installed()) ?? (await install(log));
  if (binary) return { binary };
  if (await hasDocker()) return { image: IMAGE };
  throw new Problem(
    'No Redis server was found and none could be installed. Do one of these and try again:\n' +
      '  install redis-server or valkey-server (6.2 or later), or start Docker,\n' +
      '  or set REDIS_URL to a server with `appendonly yes` and `maxmemory-policy noeviction`.',
  );
}

async function installed() {
  for (const file of NAMES.flatMap((name) => whichAll(name, [...FOLDERS, UNPACKED]))) {
    if (await isUsable(file)) return file;
  }
  return undefined;
}

/** False for a server that does not start (a library misses) or is too old. */
async function isUsable(file) {
  const { code, output } = await capture(file, ['--version']);
  const version = /\bv=(\d+)\.(\d+)/.exec(output);
  if (code !== 0 || !version) return false;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

async function install(log) {
  for (const [manager, how] of Object.entries(MANAGERS)) {
    if (!which(manager)) continue;
    log(`Redis: installing it with ${manager} ...`);
    try {
      await how();
      const file = await installed();
      if (file) return file;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      log(error.message);
    }
  }
  return undefined;
}

const asRoot = (install) => async () => {
  if (isRoot) await install();
};

const MANAGERS = {
  'apt-get': unpackDebian,
  apk: asRoot(() => must('Redis', 'apk', ['add', '--no-progress', 'redis'])),
  dnf: asRoot(async () => {
    // Fedora 41 and RHEL 10 replaced redis by valkey.
    const { code } = await capture('dnf', ['install', '-y', 'valkey'], { timeoutMs: 300_000 });
    if (code !== 0) await must('Redis', 'dnf', ['install', '-y', 'redis']);
  }),
  brew: () => must('Redis', 'brew', ['install', 'redis']),
};

/** Downloads redis-server and what it needs and the machine lacks, unpacks them, and writes a start script. */
async function unpackDebian() {
  const work = join(cache, 'redis-apt');
  const packages = join(work, 'packages');
  const tree = join(UNPACKED, 'root');
  for (const folder of [work, UNPACKED]) rmSync(folder, { recursive: true, force: true });
  for (const folder of [packages, tree]) mkdirSync(folder, { recursive: true });

  let options = ['-o', 'Debug::NoLocking=1'];
  let plan = await capture('apt-get', [
    ...options,
    '-s',
    'install',
    '--no-install-recommends',
    'redis-server',
  ]);
  if (plan.code !== 0) {
    // No package lists (usual in containers) or stale ones: fetch them into the cache, which needs no root.
    const lists = join(work, 'lists');
    mkdirSync(join(lists, 'partial'), { recursive: true });
    options = [...options, '-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${join(work, 'cache')}`];
    await must('Redis', 'apt-get', [...options, 'update'], { timeoutMs: 180_000 });
    plan = await capture('apt-get', [...options, '-s', 'install', '--no-install-recommends', 'redis-server']);
  }
  const names = [...plan.output.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]);
  if (plan.code !== 0 || names.length === 0)
    throw new Problem(`Redis: apt-get has no redis-server\n${plan.output}`);
  await must('Redis', 'apt-get', [...options, 'download', ...names], { cwd: packages, timeoutMs: 180_000 });
  for (const file of readdirSync(packages))
    await must('Redis', 'dpkg-deb', ['-x', join(packages, file), tree]);
  rmSync(work, { recursive: true });
  writeStarter(tree);
}

/** A script that finds the unpacked libraries, so that everybody can start the server by one path. */
function writeStarter(tree) {
  const server = join(UNPACKED, 'redis-server');
  writeFileSync(
    server,
    `#!/bin/sh
root="$(dirname "$(readlink -f "$0")")/root"
for lib in "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu; do
  LD_LIBRARY_PATH="$lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
exec "$root/usr/bin/redis-server" "$@"
`,
  );
  chmodSync(server, 0o755);
  if (!existsSync(join(tree, 'usr/bin/redis-server')))
    throw new Problem('Redis: the package holds no redis-server');
}

async function hasDocker() {
  return (
    which('docker') !== undefined && (await capture('docker', ['info'], { timeoutMs: 10_000 })).code === 0
  );
}

if (isMain(import.meta.url)) provideRedis().then((redis) => console.log(Object.values(redis)[0]), report);
