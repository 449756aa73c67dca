import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const DEBIAN = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root; any other user will do. */
const NOBODY = 65_534;
const START_MS = 30_000;

/** The folder with `postgres` and `initdb`, undefined where there is none on this machine. */
export function findPostgres(): string | undefined {
  const debian = list(DEBIAN).map((version) => join(DEBIAN, version, 'bin'));
  const folders = [...debian, ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.find((folder) => ['postgres', 'initdb'].every((name) => isProgram(join(folder, name))));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface TestPostgres {
  url: string;
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** A real server of a test's own, on a free port, in a temporary folder that `stop` removes. */
export async function startPostgres(folder: string): Promise<TestPostgres> {
  const data = await mkdtemp(join(tmpdir(), 'frontier-postgres-'));
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (user.uid !== undefined) await chown(data, user.uid, user.gid);
  const trust = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-sync'];
  execFileSync(join(folder, 'initdb'), [...trust, '--pgdata', data], { ...user, cwd: data, stdio: 'ignore' });
  const port = await freePort();
  const settings = ['-h', '127.0.0.1', '-p', `${port}`, '-k', data, '-c', 'fsync=off'];
  const child = spawn(join(folder, 'postgres'), ['-D', data, ...settings], { ...user, cwd: data, stdio: 'ignore' }); // prettier-ignore
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const kill = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  await answers(url);
  return {
    url,
    kill,
    stop: async () => {
      await kill('SIGINT');
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(url: string): Promise<void> {
  const end = Date.now() + START_MS;
  for (;;) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(50);
    }
  }
}

/** An empty database beside the one of the URL. */
export async function newDatabase(url: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `frontier_test_${process.pid}_${Date.now()}`;
  await execute(url, `create database ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => execute(url, `drop database ${name} with (force)`) };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}
