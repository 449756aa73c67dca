// A real Prometheus, where there is one: on PATH, else the one that the lab beside this repository carries.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../lib/ports.mjs';
import { capture, root, which } from '../lib/run.mjs';
import { Member } from '../chaos/member.mjs';

/** The program, or undefined. */
export async function findPrometheus() {
  const there = which('prometheus');
  if (there) return there;
  const unpack = join(root, '../shared/lab/unpack');
  if (!existsSync(unpack)) return undefined;
  await capture('bash', [unpack, 'prometheus']);
  const program = join(process.env.LAB_CACHE ?? join(homedir(), '.cache/frontier-lab'), 'bin/prometheus');
  return existsSync(program) ? program : undefined;
}

/** Scrapes these ports each second. Its `url`, and its `member` to be stopped, killed or frozen. */
export async function startPrometheus(program, folder, targets) {
  const port = await freePort();
  const home = join(folder, 'prometheus');
  mkdirSync(home);
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '900ms' },
    scrape_configs: [
      { job_name: 'gateway', static_configs: [{ targets: targets.map((target) => `127.0.0.1:${target}`) }] },
    ],
  };
  // JSON is YAML.
  writeFileSync(join(home, 'prometheus.yml'), JSON.stringify(config));
  const url = `http://127.0.0.1:${port}`;
  const member = new Member({
    name: 'prometheus',
    command: program,
    args: [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    env: {},
    log: join(folder, 'prometheus.log'),
    ipc: false,
    isReady: async () => (await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(1_000) })).ok || 'not ready', // prettier-ignore
  });
  await member.start();
  return { url, member };
}
