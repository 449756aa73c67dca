import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, startRedis, type TestRedis } from './redis-server.ts';

export interface TestSentinel {
  /** In the form that `connect` takes. */
  url: string;
  /** Kills the primary, waits until the replica has taken its place, and starts it again as the replica of that. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/** A primary, its replica and a sentinel that makes a replica the primary 0.5 s after the primary is gone. */
export async function startSentinel(): Promise<TestSentinel> {
  const atOnce = ['--repl-diskless-sync-delay', '0'];
  const primary = await startRedis(atOnce);
  const replica = await startRedis([...atOnce, '--replicaof', '127.0.0.1', String(primary.port)]);
  await hasReplica(primary);
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'frontier-sentinel-'));
  const process = await startProcess(port, folder, primary.port);
  const sentinel = new Redis({
    port,
    host: '127.0.0.1',
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  sentinel.on('error', () => undefined);
  // It has found the replica.
  while (((await sentinel.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]).length === 0) await pause();
  return {
    url: `redis+sentinel://127.0.0.1:${port}/main`,
    failOver: async () => {
      await primary.kill('SIGKILL');
      let port: unknown;
      while (Number(port) !== replica.port) {
        await pause();
        [, port] = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main')) as unknown[];
      }
      await primary.restart();
      // The sentinel would do it, 10 s later.
      const admin = new Redis(primary.url);
      await admin.replicaof('127.0.0.1', replica.port);
      admin.disconnect();
    },
    stop: async () => {
      sentinel.disconnect();
      const gone = new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGKILL');
      await gone;
      await rm(folder, { recursive: true, force: true });
      await replica.stop();
      await primary.stop();
    },
  };
}

async function startProcess(port: number, folder: string, primary: number): Promise<ChildProcess> {
  // A sentinel writes what it learns into its configuration.
  const file = join(folder, 'sentinel.conf');
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${primary} 1`,
    'sentinel down-after-milliseconds main 500',
    'sentinel failover-timeout main 5000',
  ];
  await writeFile(file, `${settings.join('\n')}\n`);
  const { env } = globalThis.process;
  return spawn(env['FRONTIER_REDIS_SERVER'] ?? 'redis-server', [file, '--sentinel'], { stdio: 'ignore' });
}

async function hasReplica(primary: TestRedis): Promise<void> {
  const redis = new Redis(primary.url);
  do await redis.flushall();
  while ((await redis.wait(1, 500)) < 1);
  redis.disconnect();
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
