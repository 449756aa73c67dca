import { generateKeyPairSync } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskStorage } from './disk-storage.ts';
import { FolderVersions } from './folder-versions.ts';
import { StoredRepository, type ModelRepository } from './model-repository.ts';
import type { Repository } from './repository.ts';
import { sealVersion } from './seal.ts';
import { externalTensor, makeVersion, modelYaml, onnx } from './testing/version-folder.ts';
import { TRUST_FILES, verifyUnchanged, type Trust } from './verify.ts';
import { RepositoryWatcher, type RepositoryOptions } from './watch.ts';

let root: string;
let folder: string;
let stops: Array<() => Promise<void>>;
const signer = generateKeyPairSync('ed25519');
const strict: Trust = { keys: [signer.publicKey], requireManifest: true, requireSignature: true };

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'watch-'));
  folder = join(root, 'models');
  await mkdir(folder);
  stops = [];
});

afterEach(async () => {
  for (const stop of stops) await stop();
  await rm(root, { recursive: true, force: true });
});

interface Watched {
  first: string[];
  /** Resolves with the next state that this holds for: versions, then faults. */
  until(holds: (versions: string[], faults: string[]) => boolean): Promise<void>;
  now(): Repository;
}

async function watch(options: Partial<RepositoryOptions> = {}): Promise<Watched> {
  let now: Repository = { models: [], faults: [] };
  let changed = () => {};
  const watcher = new RepositoryWatcher({ folders: [folder], everyMs: 10, ...options }, (repository) => {
    now = repository;
    changed();
  });
  stops.push(() => watcher.stop());
  now = await watcher.start();
  return {
    first: versionsOf(now),
    now: () => now,
    until: async (holds) => {
      while (
        !holds(
          versionsOf(now),
          now.faults.map((fault) => fault.reason),
        )
      )
        // prettier-ignore
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
    },
  };
}

function versionsOf({ models }: Repository): string[] {
  return models.map(({ spec }) => `${spec.name}@${spec.version}`).sort();
}

/** A sealed version, moved into place at once. */
async function publish(version: string, files: Record<string, string | Buffer> = {}): Promise<string> {
  const made = await makeVersion(join(root, 'made'), 'a', version, files);
  await sealVersion(made, signer.privateKey);
  await mkdir(join(folder, 'a'), { recursive: true });
  await rename(made, join(folder, 'a', version));
  return join(folder, 'a', version);
}

test('versions come and go without a restart', async () => {
  await publish('1');
  const watched = await watch({ trust: strict });
  expect(watched.first).toEqual(['a@1']);
  const second = await publish('2');
  await watched.until((versions) => versions.join() === 'a@1,a@2');
  expect(watched.now().models.map((model) => model.digest)).toEqual([expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)]); // prettier-ignore
  await rm(second, { recursive: true });
  await watched.until((versions) => versions.join() === 'a@1');
});

test('a version without a manifest is shown when its files have come to rest', async () => {
  const dir = await makeVersion(folder, 'a', '1');
  const versions = new FolderVersions(TRUST_FILES);
  const look = async () => {
    const { models, faults, pending } = await versions.look(folder, 0);
    return { shown: models.length, faults, pending };
  };
  expect(await look()).toEqual({ shown: 0, faults: [], pending: true });
  await writeFile(join(dir, 'weights.bin'), 'x');
  expect(await look()).toEqual({ shown: 0, faults: [], pending: true });
  await writeFile(join(dir, 'weights.bin'), 'xx');
  expect(await look()).toEqual({ shown: 0, faults: [], pending: true });
  expect(await look()).toEqual({ shown: 1, faults: [], pending: false });
  // It stays while files are written again.
  await writeFile(join(dir, 'model.yaml'), 'half');
  expect(await look()).toEqual({ shown: 1, faults: [], pending: true });
  expect(await look()).toMatchObject({
    shown: 1,
    faults: [{ path: join(dir, 'model.yaml') }],
    pending: false,
  });
});

test('new files without a manifest are taken by the second look of the start', async () => {
  await makeVersion(folder, 'a', '1');
  expect((await watch()).first).toEqual(['a@1']);
});

test('old files without a manifest are shown at the first look', async () => {
  const dir = await makeVersion(folder, 'a', '1');
  for (const file of ['model.yaml', 'model.onnx']) await utimes(join(dir, file), 1, 1);
  // No second look would come in the time of this test.
  const watched = await watch({ everyMs: 3_600_000 });
  expect(watched.first).toEqual(['a@1']);
});

test('files that are replaced behind the same description are told', async () => {
  const dir = await makeVersion(folder, 'a', '1');
  const told: Date[] = [];
  const watcher = new RepositoryWatcher({ folders: [folder], everyMs: 10 }, () => {
    told.push(new Date());
  });
  stops.push(() => watcher.stop());
  await watcher.start();
  await writeFile(join(dir, 'model.onnx'), onnx([]));
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('where manifests are required a folder without one is not shown', async () => {
  const dir = await makeVersion(folder, 'a', '1');
  const watched = await watch({ trust: { ...strict, requireSignature: false } });
  expect(watched.first).toEqual([]);
  expect(watched.now().faults[0]?.reason).toBe('manifest.json is missing');
  await sealVersion(dir);
  await watched.until((versions, faults) => versions.join() === 'a@1' && faults.length === 0);
});

test.each<[string, (dir: string) => Promise<unknown>, RegExp]>([
  ['a flipped bit', (dir) => writeFile(join(dir, 'model.onnx'), flipped()), /model\.onnx: its SHA-256/],
  ['a truncated file', (dir) => truncate(join(dir, 'model.onnx'), 2), /model\.onnx: has 2 bytes/],
  ['a manifest that lies', (dir) => lie(dir), /signs other files|its SHA-256/],
  ['another signer', (dir) => sealVersion(dir, generateKeyPairSync('ed25519').privateKey), /not signed by a trusted key/], // prettier-ignore
  ['no signature any more', (dir) => rm(join(dir, 'model.sig')), /model\.sig is missing/],
  ['a link out of the folder', (dir) => replaceByLink(dir), /model\.onnx: is a link/],
  [
    'other content, rightly sealed',
    (dir) => replaced(dir),
    /was published as sha256:.* versions do not change/,
  ],
])(
  '%s: the version stays as it was, with a fault, and its files are not loaded again',
  async (_, damage, reason) => {
    const dir = await publish('1');
    const watched = await watch({ trust: strict });
    const [model] = watched.now().models;
    if (!model) throw new Error('no model');
    await verifyUnchanged(model, strict);
    await damage(dir);
    await watched.until((_versions, faults) => faults.some((fault) => reason.test(fault)));
    expect(watched.now().models).toEqual([model]);
    await expect(verifyUnchanged(model, strict)).rejects.toThrow();
    // Nobody who starts now takes it, unless it is a version of its own right.
    if (!reason.source.startsWith('was published'))
      expect((await watch({ trust: strict })).first).toEqual([]);
  },
);

function flipped(): Buffer {
  const bytes = onnx([]);
  bytes.writeUInt8(bytes.readUInt8(1) ^ 1, 1);
  return bytes;
}

async function lie(dir: string): Promise<void> {
  await writeFile(join(dir, 'model.onnx'), flipped());
  const signature = await readFile(join(dir, 'model.sig'));
  await sealVersion(dir);
  await writeFile(join(dir, 'model.sig'), signature);
}

async function replaceByLink(dir: string): Promise<void> {
  await rename(join(dir, 'model.onnx'), join(root, 'outside.onnx'));
  await symlink(join(root, 'outside.onnx'), join(dir, 'model.onnx'));
}

async function replaced(dir: string): Promise<void> {
  await writeFile(join(dir, 'model.yaml'), modelYaml('a', '1', 'description: other\n'));
  await sealVersion(dir, signer.privateKey);
}

test.each<[string, Record<string, string | Buffer>, RegExp]>([
  [
    'external data outside',
    { 'model.onnx': onnx([externalTensor({ location: '../../x' })]) },
    /must lie beside/,
  ],
  ['a truncated ONNX file', { 'model.onnx': onnx([externalTensor({ location: 'x' })]).subarray(0, -1) }, /truncated/], // prettier-ignore
  [
    'an unknown field',
    { 'model.yaml': modelYaml('a', '1', 'batchign: {}\n') },
    /^line 8: batchign: unknown field$/,
  ],
  ['a file of a package', { 'model.yaml': modelYaml('a', '1').replace('model.onnx }', 'model.onnx, package: zod }') }, /must hold all its files|ENOENT/], // prettier-ignore
])('%s is refused at once, sealed or not', async (_, files, reason) => {
  const made = await makeVersion(folder, 'a', '1', files);
  const watched = await watch();
  expect(watched.first).toEqual([]);
  expect(watched.now().faults[0]?.reason).toMatch(reason);
  await sealVersion(made).catch(() => undefined);
  expect((await watch()).first).toEqual([]);
});

test('a folder that cannot be read any more takes nothing away', async () => {
  await publish('1');
  const watched = await watch();
  await rename(folder, join(root, 'gone'));
  await watched.until((_, faults) => faults.some((fault) => fault.includes('ENOENT')));
  expect(versionsOf(watched.now())).toEqual(['a@1']);
  await rename(join(root, 'gone'), folder);
  await watched.until((versions, faults) => versions.join() === 'a@1' && faults.length === 0);
});

test('a folder that is not there at the start is an error', async () => {
  const watcher = new RepositoryWatcher({ folders: [join(root, 'nowhere')], everyMs: 10 }, () => {});
  await expect(watcher.start()).rejects.toThrow('ENOENT');
});

describe('remote', () => {
  let store: StoredRepository;
  let away: boolean;
  let remote: ModelRepository;
  let cache: string;

  beforeEach(() => {
    store = new StoredRepository(new DiskStorage(join(root, 'store')));
    away = false;
    cache = join(root, 'cache');
    remote = {
      location: 'test',
      publish: (path) => store.publish(path),
      list: async () => (away ? Promise.reject(new Error('away')) : store.list()),
      digest: (name, version) => store.digest(name, version),
      fetch: (name, version, into) => store.fetch(name, version, into),
    };
  });

  async function publishRemote(version: string, key = signer.privateKey): Promise<void> {
    const made = await makeVersion(join(root, 'made'), 'a', version);
    await sealVersion(made, key);
    await store.publish(made);
  }

  test('versions are fetched, verified and shown; they go when the remote has them no more', async () => {
    await publishRemote('1');
    const watched = await watch({ folders: [], remotes: [remote], cache, trust: strict });
    expect(watched.first).toEqual(['a@1']);
    await publishRemote('2');
    await watched.until((versions) => versions.join() === 'a@1,a@2');
    expect(watched.now().models.every((model) => model.dir.startsWith(cache))).toBe(true);
    await rm(join(root, 'store/a/1'), { recursive: true });
    await watched.until((versions) => versions.join() === 'a@2');
  });

  test('a version by a stranger is never shown', async () => {
    await publishRemote('1', generateKeyPairSync('ed25519').privateKey);
    await publishRemote('2');
    const watched = await watch({ folders: [], remotes: [remote], cache, trust: strict });
    expect(watched.first).toEqual(['a@2']);
    expect(watched.now().faults).toEqual([{ path: 'test a@1', reason: expect.stringContaining('not signed by a trusted key') as string }]); // prettier-ignore
  });

  test('while the remote is away, also at the start, what was fetched is served', async () => {
    await publishRemote('1');
    const watched = await watch({ folders: [], remotes: [remote], cache });
    away = true;
    await watched.until((versions, faults) => versions.join() === 'a@1' && faults.join() === 'away');
    expect((await watch({ folders: [], remotes: [remote], cache })).first).toEqual(['a@1']);
  });

  test('an old version under a name that was fetched already changes nothing', async () => {
    await publishRemote('1');
    const watched = await watch({ folders: [], remotes: [remote], cache });
    const [model] = watched.now().models;
    await rm(join(root, 'store/a/1'), { recursive: true });
    const other = await makeVersion(join(root, 'other'), 'a', '1', { 'more.txt': 'x' });
    await sealVersion(other, signer.privateKey);
    await store.publish(other);
    await publishRemote('2');
    await watched.until((versions) => versions.includes('a@2') && versions.includes('a@1'));
    expect(watched.now().models[0]?.digest).toBe(model?.digest);
  });

  test('a transfer that takes long keeps nothing else waiting, and ends with the watcher', async () => {
    await publishRemote('1');
    const slow: ModelRepository = {
      ...remote,
      fetch: (_name, _version, _into, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      list: async () => (away ? [] : store.list()),
    };
    away = true;
    const watched = await watch({ remotes: [slow], cache });
    away = false;
    await publish('2');
    await watched.until((versions) => versions.join() === 'a@2');
  });

  test('what a killed process left half fetched is removed after a while', async () => {
    await publishRemote('1');
    await watch({ folders: [], remotes: [remote], cache });
    const [own = ''] = await readdir(cache);
    const left = [join(cache, own, 'a/.left'), join(cache, own, 'a/.fresh')];
    for (const dir of left) await mkdir(dir);
    await utimes(left[0] ?? '', 1, 1);
    const watched = await watch({ folders: [], remotes: [remote], cache });
    await publishRemote('2');
    await watched.until((versions) => versions.includes('a@2'));
    const there = await readdir(join(cache, own, 'a'));
    expect(there).toContain('.fresh');
    expect(there).not.toContain('.left');
  });

  test('two processes may share a cache', async () => {
    await publishRemote('1');
    const options = { folders: [], remotes: [remote], cache };
    const both = await Promise.all([watch(options), watch(options)]);
    expect(both.map((watched) => watched.first)).toEqual([['a@1'], ['a@1']]);
    expect(both.flatMap((watched) => watched.now().faults)).toEqual([]);
  });

  test('a cache folder is needed', () => {
    expect(() => new RepositoryWatcher({ folders: [], remotes: [remote], everyMs: 10 }, () => {})).toThrow('cache folder'); // prettier-ignore
  });
});
