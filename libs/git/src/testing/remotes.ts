import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { access, chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';

const run = promisify(execFile);
const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' }; // prettier-ignore
const WHO = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' }; // prettier-ignore

/** What `git` says about a repository. */
export function git(dir: string, ...args: string[]): Promise<string> {
  return gitWith('', dir, ...args);
}

/** The same with an input. */
export async function gitWith(input: string, dir: string, ...args: string[]): Promise<string> {
  const work = run('git', args, { cwd: dir, env: { ...ENV, ...WHO } });
  // Most commands end without having read it.
  work.child.stdin?.on('error', () => undefined).end(input);
  return (await work).stdout.trim();
}

/** A bare repository `<folder>/envs.git` with one commit on `main`. */
export async function bareRepository(): Promise<{ folder: string; dir: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'frontier-git-'));
  const dir = join(folder, 'envs.git');
  await git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', dir);
  await git(dir, 'config', 'http.receivepack', 'true');
  const tree = await git(dir, 'mktree');
  await git(dir, 'update-ref', 'refs/heads/main', await git(dir, 'commit-tree', tree, '-m', 'begin'));
  return { folder, dir };
}

/** Puts a text at a path of the branch, as a person would. */
export async function commitFile(dir: string, path: string, text: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'frontier-git-'));
  await git(work, 'clone', '--quiet', dir, '.');
  await mkdir(join(work, path, '..'), { recursive: true });
  await writeFile(join(work, path), text);
  await git(work, 'add', '.');
  await git(work, 'commit', '--quiet', '-m', 'by hand');
  await git(work, 'push', '--quiet', 'origin', 'HEAD:main');
}

export async function hook(dir: string, name: string, script: string): Promise<void> {
  const file = join(dir, 'hooks', name);
  await mkdir(join(dir, 'hooks'), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

/** Git's own CGI program behind HTTP with a password. */
export async function httpRemote(
  root: string,
  username: string,
  password: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  // prettier-ignore
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://x');
    const child = spawn('git', ['http-backend'], {
      env: {
        ...ENV,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: username,
      },
    });
    child.stdin.on('error', () => undefined);
    const zipped = request.headers['content-encoding'] === 'gzip';
    (zipped ? request.pipe(createGunzip()) : request).pipe(child.stdin);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('close', () => {
      const out = Buffer.concat(chunks);
      const end = out.indexOf('\r\n\r\n');
      const head = out.toString('latin1', 0, Math.max(end, 0)).split('\r\n').map((line) => line.split(': ')); // prettier-ignore
      const status = Number(head.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
      for (const [name, value] of head) if (name && value !== undefined && name !== 'Status') response.setHeader(name, value); // prettier-ignore
      response.writeHead(status).end(out.subarray(end + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** Where a real SSH server is; undefined: the machine has none. `FRONTIER_SSHD` names another. */
export async function findSshd(): Promise<string | undefined> {
  for (const path of [process.env['FRONTIER_SSHD'], '/usr/sbin/sshd', '/usr/local/sbin/sshd']) {
    if (path !== undefined && (await access(path).then(() => true, () => false))) return path; // prettier-ignore
  }
  return undefined;
}

export interface SshRemote {
  /** `ssh://user@127.0.0.1:port`; a path follows. */
  url: string;
  keyFile: string;
  knownHostsFile: string;
  stop(): Promise<void>;
}

/** A real sshd on loopback that lets one key in. */
export async function sshRemote(sshd: string): Promise<SshRemote> {
  const folder = await mkdtemp(join(tmpdir(), 'frontier-sshd-'));
  const keyFile = join(folder, 'key');
  const hostKey = join(folder, 'host');
  for (const file of [keyFile, hostKey]) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]); // prettier-ignore
  const port = await freePort();
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${keyFile}.pub`,
    `PidFile ${folder}/pid`,
    'PasswordAuthentication no',
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
  ];
  await writeFile(join(folder, 'config'), `${config.join('\n')}\n`);
  const knownHostsFile = join(folder, 'known_hosts');
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${await readFile(`${hostKey}.pub`, 'utf8')}`);
  const child = spawn(sshd, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' });
  await listens(port, child);
  const stop = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  return { url: `ssh://${userInfo().username}@127.0.0.1:${port}`, keyFile, knownHostsFile, stop };
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await delay(20);
  }
  throw new Error(`sshd ended with ${child.exitCode}`);
}
