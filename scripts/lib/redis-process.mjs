// The Redis server that `npm start` runs: durable, bound to this machine, with its data under .frontier/redis.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './console.mjs';
import { askRedis, freePort, isFree } from './ports.mjs';
import { cache, capture, Problem, root, sleep, which } from './run.mjs';

const USUAL_PORT = 6379;
const data = join(cache, 'redis');
const note = join(data, 'server.json');
const logFile = join(data, 'redis.log');
const container = `frontier-redis-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`;

/** How to run the server that was found: `{url, port, spec}`, `spec` being what Managed takes. */
export async function redisProcess({ binary, image }) {
  mkdirSync(data, { recursive: true });
  await endOrphan();
  if (image) await capture('docker', ['rm', '--force', container]);
  const port = (await isFree(USUAL_PORT)) ? USUAL_PORT : await freePort();
  // Queued work must survive a crash and must never be evicted: queues.md.
  const durable = [
    '--appendonly',
    'yes',
    '--appendfsync',
    'everysec',
    '--maxmemory-policy',
    'noeviction',
    '--save',
    '',
  ];
  const spec = binary
    ? {
        command: binary,
        args: [...durable, '--bind', '127.0.0.1', '--port', `${port}`, '--dir', data, '--logfile', logFile],
      }
    : {
        command: which('docker'),
        args: [
          'run',
          '--rm',
          '--name',
          container,
          '-p',
          `127.0.0.1:${port}:6379`,
          '-v',
          `${data}:/data`,
          image,
          'redis-server',
          ...durable,
        ],
      };
  return { url: `redis://127.0.0.1:${port}`, port, spec: { name: 'redis', stopMs: 8_000, ...spec } };
}

/** Waits until the server has loaded its data, and remembers its process for `endOrphan`. */
export async function untilRedisAnswers({ port }, pid, timeoutMs = 30_000) {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if ((await askRedis(port, 'PING'))?.startsWith('+PONG')) {
      writeFileSync(note, JSON.stringify({ port, pid }));
      return;
    }
    await sleep(30);
  }
  const log = existsSync(logFile)
    ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-10).join('\n')
    : '';
  throw new Problem(`Redis does not answer on port ${port}. The end of ${logFile}:\n${log}`);
}

/** A supervisor that was killed leaves its server behind; two servers on one data folder would spoil it. */
async function endOrphan() {
  if (!existsSync(note)) return;
  const { port, pid } = JSON.parse(readFileSync(note, 'utf8'));
  const info = await askRedis(port, 'INFO server');
  if (new RegExp(`^process_id:${pid}\\b`, 'm').test(info ?? '')) {
    say(`stopping the Redis that an earlier start left behind (pid ${pid})`);
    process.kill(pid, 'SIGTERM');
    for (let i = 0; i < 200 && !(await isFree(port)); i += 1) await sleep(50);
  }
  rmSync(note);
}
