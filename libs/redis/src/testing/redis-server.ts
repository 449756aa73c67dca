import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** What our services may do in the Redis of the chart; relative to the root of the repository, where all our commands run. */
const RIGHTS = 'helm/frontier/redis/services.acl';

export interface TestRedis {
  /** As its administrator. */
  url: string;
  /** With no more rights than the chart gives to our services. */
  servicesUrl: string;
  port: number;
  /** The server's process: to be killed and started again by tests of failure. */
  kill(signal: NodeJS.Signals): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** A port that was free may be another's when it is used: what `start` needs one for is tried again with another. */
export async function withFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let left = 3; ; left -= 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** A real Redis of a test's own: durable as in production, on a free port, in a temporary folder that `stop` removes. */
export function startRedis(args: string[] = []): Promise<TestRedis> {
  return withFreePort((port) => startRedisAt(port, args));
}

async function startRedisAt(port: number, args: string[]): Promise<TestRedis> {
  const binary = process.env['FRONTIER_REDIS_SERVER'] ?? 'redis-server';
  const dir = await mkdtemp(join(tmpdir(), 'frontier-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  const rights = (await readFile(RIGHTS, 'utf8')).trim().split(' ');
  const services = ['--user', 'frontier', 'on', '>services', ...rights];
  let child: ChildProcess;
  const start = async () => {
    const settings = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'yes',
    ];
    child = spawn(binary, [...settings, '--maxmemory-policy', 'noeviction', ...services, ...args], {
      stdio: 'ignore',
    });
    await answers(url, child);
  };
  const kill = (signal: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') resolve();
      else child.once('exit', () => resolve());
      child.kill(signal);
    });
  await start();
  return {
    url,
    servicesUrl: `redis://frontier:services@127.0.0.1:${port}`,
    port,
    kill,
    restart: start,
    stop: async () => {
      await kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Rejects when the server ends before it answers. */
async function answers(url: string, server: ChildProcess): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const stop = new AbortController();
  const ended = once(server, 'exit', { signal: stop.signal }).then(([code]) => {
    throw new Error(`redis-server ended with ${String(code)}: is its port taken?`);
  });
  try {
    await Promise.race([redis.ping(), ended]);
  } finally {
    stop.abort();
    ended.catch(() => undefined);
    redis.disconnect();
  }
}
