import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkRemote } from './remote.ts';
import { never, promotionsOn, reason, release } from './testing/fixture.ts';
import { bareRepository, findSshd, git, httpRemote, sshRemote } from './testing/remotes.ts';

const place = { environment: 'prod', model: 'm' };
const begin = reason('begin');

let folder: string;
let dir: string;

beforeEach(async () => {
  ({ folder, dir } = await bareRepository());
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('over HTTP', () => {
  it('commits with the password of a file, which is nowhere else', async () => {
    const server = await httpRemote(folder, 'bot', 'pa ss:word');
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, 'pa ss:word\n');
    try {
      const remote = { url: `${server.url}/envs.git`, http: { username: 'bot', passwordFile } };
      const controller = promotionsOn(remote, folder);
      await controller.begin(place, release('1'), begin, never);
      expect(await git(dir, 'rev-list', '--count', 'main')).toBe('2');
      expect(await textOf(folder, [passwordFile])).not.toContain('pa ss:word');
      await writeFile(passwordFile, 'wrong');
      await expect(controller.read(place, never)).rejects.toMatchObject({ code: 'FORBIDDEN', message: expect.not.stringContaining('wrong') }); // prettier-ignore
    } finally {
      await server.stop();
    }
  });

  it('asks nobody when it has no password', async () => {
    const server = await httpRemote(folder, 'bot', 'x');
    try {
      const controller = promotionsOn(`${server.url}/envs.git`, folder);
      await expect(controller.read(place, never)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    } finally {
      await server.stop();
    }
  });

  it('says that nobody is there', async () => {
    const server = await httpRemote(folder, 'bot', 'x');
    await server.stop();
    const controller = promotionsOn(`${server.url}/envs.git`, folder);
    await expect(controller.read(place, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('over SSH', () => {
  it('commits with its key to a known host, and not to an unknown one', async () => {
    const sshd = await findSshd();
    if (sshd === undefined) {
      process.stderr.write('no sshd on this machine: the way over SSH was not tried\n');
      return;
    }
    const server = await sshRemote(sshd);
    try {
      const { keyFile, knownHostsFile } = server;
      const url = `${server.url}${dir}`;
      const controller = promotionsOn({ url, ssh: { keyFile, knownHostsFile } }, folder);
      await controller.begin(place, release('1'), begin, never);
      expect(await git(dir, 'rev-list', '--count', 'main')).toBe('2');
      const stranger = promotionsOn({ url, ssh: { keyFile, knownHostsFile: '/dev/null' } }, folder);
      await expect(stranger.read(place, never)).rejects.toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('Host key verification failed') }); // prettier-ignore
    } finally {
      await server.stop();
    }
  });
});

test.each([
  'https://git.example/envs.git',
  'http://127.0.0.1:8080/envs.git',
  'ssh://git@git.example:2222/envs.git',
  'git@git.example:team/envs.git',
  'file:///srv/envs.git',
  '/srv/envs.git',
])('may be a remote: %s', (url) => {
  expect(() => checkRemote({ url }, 'main')).not.toThrow();
});

test.each([
  '--upload-pack=touch x',
  'ext::sh -c touch% x',
  'https://user:secret@git.example/envs.git',
  'https://user@git.example/envs.git',
  'ssh://-oProxyCommand=x/envs.git',
  'ssh://git:secret@git.example/envs.git',
  '-oProxyCommand=x@host:path',
  'git@-oProxyCommand=x:path',
  'git@host:--upload-pack=x',
  'relative/envs.git',
  'ftp://git.example/envs.git',
  'https://git.example/a b',
  '',
])('cannot be a remote: %s', (url) => {
  expect(() => checkRemote({ url }, 'main')).toThrow('the remote must be');
});

test.each(['-main', 'a..b', 'a//b', 'main.lock', 'refs/.x', 'a b', 'a:b', '', 'a/'])(
  'cannot be a branch: %p',
  (branch) => {
    expect(() => checkRemote({ url: '/srv/envs.git' }, branch)).toThrow('branch');
  },
);

test.each(['main', 'm', 'team/envs-1.x'])('may be a branch: %s', (branch) => {
  expect(() => checkRemote({ url: '/srv/envs.git' }, branch)).not.toThrow();
});

test('hooks in the clone do not run', async () => {
  const controller = promotionsOn(dir, folder);
  await controller.read(place, never);
  const clone = (await readdir(folder)).find((name) => name.startsWith('clone-'));
  const hooks = join(folder, clone ?? '', 'promotions', 'repository.git', 'hooks');
  await mkdir(hooks, { recursive: true });
  for (const name of ['pre-push', 'reference-transaction'])
    await writeFile(join(hooks, name), `#!/bin/sh\ntouch '${folder}/ran'\n`, { mode: 0o755 });
  await controller.begin(place, release('1'), begin, never);
  expect(await readdir(folder)).not.toContain('ran');
});

/** Everything that lies under a folder, but for some files. */
async function textOf(at: string, without: readonly string[]): Promise<string> {
  const files = (await readdir(at, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).filter((path) => !without.includes(path)); // prettier-ignore
  return (await Promise.all(paths.map((path) => readFile(path, 'latin1')))).join('\n');
}
