import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AppError } from '@frontier/contracts/errors';
import type { ModelRepository } from './model-repository.ts';
import { openRemote } from './remote.ts';
import { sealVersion } from './seal.ts';
import { findDockerRegistry, startDockerRegistry } from './testing/docker-registry.ts';
import { emptyRegistry, OCI_CREDENTIALS, startOci, type OciContent } from './testing/oci-server.ts';
import { S3_ACCESS, startS3, type TestServer } from './testing/s3-server.ts';
import { makeVersion } from './testing/version-folder.ts';
import { verifyVersion } from './verify.ts';

interface Lab {
  url: string;
  /** Changes the stored bytes of the file whose content contains this text; without one, of the largest file. */
  damage(change: (bytes: Buffer) => Buffer, content?: string): Promise<void>;
  server?: TestServer;
  stop(): Promise<void>;
}

/** Damages the files below a folder. */
function damageIn(root: string): Lab['damage'] {
  return async (change, content) => {
    const files = new Map<string, Buffer>();
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) files.set(path, await readFile(path));
    }
    const path = chosen(files, content);
    await writeFile(path, change(files.get(path) ?? Buffer.alloc(0)));
  };
}

async function disk(): Promise<Lab> {
  const root = await mkdtemp(join(tmpdir(), 'repository-'));
  return {
    url: String(pathToFileURL(root)),
    damage: damageIn(root),
    stop: () => rm(root, { recursive: true }),
  };
}

const registryBinary = findDockerRegistry();

async function registry(): Promise<Lab> {
  const root = await mkdtemp(join(tmpdir(), 'registry-'));
  const server = await startDockerRegistry(registryBinary ?? '', root);
  return {
    url: `oci+${server.url}/team/models`,
    damage: damageIn(join(root, 'data')),
    stop: async () => {
      await server.stop();
      await rm(root, { recursive: true });
    },
  };
}

async function s3(): Promise<Lab> {
  const objects = new Map<string, Buffer>();
  const server = await startS3(objects);
  return {
    url: `s3+${server.url}/models/some/prefix?region=eu-west-1`,
    damage: async (change, content) => {
      const key = chosen(objects, content);
      objects.set(key, change(objects.get(key) ?? Buffer.alloc(0)));
    },
    server,
    stop: () => server.stop(),
  };
}

async function oci(content: OciContent = emptyRegistry()): Promise<Lab> {
  const server = await startOci(content);
  return {
    url: `oci+${server.url}/models`,
    damage: async (change, text) => {
      const digest = chosen(content.blobs, text);
      content.blobs.set(digest, change(content.blobs.get(digest) ?? Buffer.alloc(0)));
    },
    server,
    stop: () => server.stop(),
  };
}

function chosen(files: ReadonlyMap<string, Buffer>, content?: string): string {
  const all = [...files].sort(([, a], [, b]) => b.length - a.length);
  const found = content === undefined ? all[0] : all.find(([, bytes]) => bytes.includes(content));
  if (!found) throw new Error('nothing to damage');
  return found[0];
}

const WEIGHTS = randomBytes(600_000);
const signer = generateKeyPairSync('ed25519');

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: AppError) => error.code,
  );
}

let work: string;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'publish-'));
});

afterEach(() => rm(work, { recursive: true, force: true }));

async function sealed(version: string, files: Record<string, string | Buffer> = {}, at = 'sealed') {
  const folder = await makeVersion(join(work, at), 'a', version, { 'data/weights.bin': WEIGHTS, 'empty.txt': '', ...files }); // prettier-ignore
  return { folder, digest: await sealVersion(folder, signer.privateKey) };
}

async function target(): Promise<string> {
  const folder = join(work, 'fetched');
  await mkdir(folder);
  return folder;
}

const stores = { disk, s3, oci, registry };
const used = registryBinary === undefined ? (['disk', 's3', 'oci'] as const) : (['disk', 's3', 'oci', 'registry'] as const); // prettier-ignore
const cases = used.flatMap((store) => [
  { store, encrypted: false },
  { store, encrypted: true },
]);

describe.each(cases)('a repository on $store, encrypted: $encrypted', ({ store, encrypted }) => {
  let lab: Lab;
  let repository: ModelRepository;
  const key = encrypted ? { encryptionKey: randomBytes(32) } : {};
  const open = () => openRemote(lab.url, { s3: S3_ACCESS, oci: OCI_CREDENTIALS, ...key });

  beforeEach(async () => {
    lab = await stores[store]();
    repository = open();
  });

  afterEach(() => lab.stop());

  test('what was published is listed, named by its digest, and fetched byte for byte with its signature', async () => {
    const { folder, digest } = await sealed('1');
    expect(await repository.list()).toEqual([]);
    expect(await repository.publish(folder)).toEqual({ name: 'a', version: '1', digest });
    for (const version of ['2', '3.0-rc_1']) await repository.publish((await sealed(version)).folder);
    const versions = (await open().list()).map(({ name, version }) => `${name}@${version}`).sort();
    expect(versions).toEqual(['a@1', 'a@2', 'a@3.0-rc_1']);
    expect(await open().digest('a', '1')).toBe(digest);
    const into = await target();
    await open().fetch('a', '1', into);
    const trust = { keys: [signer.publicKey], requireManifest: true, requireSignature: true };
    expect((await verifyVersion(into, trust))?.digest).toBe(digest);
    expect((await readFile(join(into, 'data/weights.bin'))).equals(WEIGHTS)).toBe(true);
  });

  test('a version is immutable', async () => {
    const { folder, digest } = await sealed('1');
    await repository.publish(folder);
    const other = await sealed('1', { 'data/weights.bin': 'other' }, 'other');
    expect(await codeOf(repository.publish(other.folder))).toBe('CONFLICT');
    expect(await codeOf(repository.publish(folder))).toBe('CONFLICT');
    expect(await repository.digest('a', '1')).toBe(digest);
  });

  // That registry has no immutable tags.
  if (store !== 'registry')
    test('of two that publish one name at once one wins and the other is told', async () => {
      const both = [await sealed('1'), await sealed('1', { 'data/weights.bin': 'other' }, 'other')];
      const codes = await Promise.all(both.map(({ folder }) => codeOf(open().publish(folder))));
      expect([...codes].sort()).toEqual(['CONFLICT', 'none']);
      const winner = both[codes.indexOf('none')];
      expect(await repository.digest('a', '1')).toBe(winner?.digest);
      await repository.fetch('a', '1', await target());
    });

  test('what is not there is NOT_FOUND', async () => {
    expect(await codeOf(repository.digest('a', '1'))).toBe('NOT_FOUND');
    expect(await codeOf(repository.fetch('a', '1', await target()))).toBe('NOT_FOUND');
  });

  test('a folder that is no sound version is not published', async () => {
    const { folder } = await sealed('1');
    await writeFile(join(folder, 'more.txt'), 'x');
    await expect(repository.publish(folder)).rejects.toThrow('more.txt: is not in manifest.json');
    const bare = await makeVersion(join(work, 'bare'), 'a', '1');
    expect(await codeOf(repository.publish(bare))).toBe('INVALID_INPUT');
    expect(await repository.list()).toEqual([]);
  });

  test('stored content that was changed or cut is noticed when it is fetched', async () => {
    await repository.publish((await sealed('1')).folder);
    let last = 0;
    await lab.damage((bytes) => {
      last = bytes.at(-1) ?? 0;
      return bytes.subarray(0, -1);
    });
    expect(await codeOf(repository.fetch('a', '1', await target()))).toBe('UPSTREAM_ERROR');
    await lab.damage((bytes) => Buffer.concat([bytes, Buffer.of(last ^ 1)]));
    await rm(join(work, 'fetched'), { recursive: true });
    expect(await codeOf(repository.fetch('a', '1', await target()))).toBe('UPSTREAM_ERROR');
  });

  test('a manifest that lies is noticed', async () => {
    const { folder } = await sealed('1');
    await repository.publish(folder);
    await lab.damage((bytes) => Buffer.from(bytes.toString('utf8').replace(/"size": 600000/, '"size": 600001')), 'frontier.model-manifest'); // prettier-ignore
    expect(await codeOf(repository.fetch('a', '1', await target()))).toBe('UPSTREAM_ERROR');
  });

  if (encrypted) {
    test('no content lies there in the clear, and only the key opens it', async () => {
      await repository.publish((await sealed('1')).folder);
      await expect(lab.damage((bytes) => bytes, WEIGHTS.subarray(0, 32).toString('latin1'))).rejects.toThrow('nothing to damage'); // prettier-ignore
      await expect(lab.damage((bytes) => bytes, 'task: test')).rejects.toThrow('nothing to damage');
      const access = { s3: S3_ACCESS, oci: OCI_CREDENTIALS };
      await expect(openRemote(lab.url, access).fetch('a', '1', await target())).rejects.toThrow('no key is given'); // prettier-ignore
      const stranger = openRemote(lab.url, { ...access, encryptionKey: randomBytes(32) });
      await expect(stranger.fetch('a', '1', join(work, 'fetched'))).rejects.toThrow('wrapped by the key');
    });
  }
});

describe.each(['s3', 'oci'] as const)('a %s server that fails', (store) => {
  let lab: Lab;
  let repository: ModelRepository;

  beforeEach(async () => {
    lab = await stores[store]();
    repository = openRemote(lab.url, { s3: S3_ACCESS, oci: OCI_CREDENTIALS });
  });

  afterEach(() => lab.stop());

  test('for a moment is asked again', async () => {
    const { folder } = await sealed('1');
    lab.server?.failNext('P', 503, 2);
    await repository.publish(folder);
    lab.server?.failNext('GET', 500, 1);
    await repository.fetch('a', '1', await target());
  });

  test('for good is UNAVAILABLE, and nothing is published', async () => {
    lab.server?.failNext('P', 503, 1000);
    expect(await codeOf(repository.publish((await sealed('1')).folder))).toBe('UNAVAILABLE');
    lab.server?.failNext('', 0, 0);
    expect(await repository.list()).toEqual([]);
  });

  test('wrong credentials are an answer, not a reason to try again', async () => {
    const stranger = openRemote(lab.url, {
      s3: { ...S3_ACCESS, secretAccessKey: 'wrong' },
      oci: { ...OCI_CREDENTIALS, password: 'wrong' },
    });
    expect(await codeOf(stranger.list())).toBe('UPSTREAM_ERROR');
    expect(lab.server?.calls.length).toBeLessThan(3);
  });

  test('a caller can give up', async () => {
    const { folder } = await sealed('1');
    await expect(repository.publish(folder, AbortSignal.abort(new Error('given up')))).rejects.toThrow('given up'); // prettier-ignore
  });
});

test('the pointer of S3 comes last: before it nothing is seen', async () => {
  const objects = new Map<string, Buffer>();
  const server = await startS3(objects);
  const repository = openRemote(`s3+${server.url}/models`, { s3: S3_ACCESS });
  await repository.publish((await sealed('1')).folder);
  const puts = server.calls.filter((call) => call.startsWith('PUT'));
  expect(puts.at(-2)).toContain('/manifest.json');
  expect(puts.at(-1)).toBe('PUT /models/versions/a/1');
  objects.delete('versions/a/1');
  expect(await repository.list()).toEqual([]);
  expect(await codeOf(repository.digest('a', '1'))).toBe('NOT_FOUND');
  await server.stop();
});

test('in a registry without immutable tags a publisher that was overtaken is told', async () => {
  const content = { ...emptyRegistry(), immutableTags: false };
  const lab = await oci(content);
  const repository = openRemote(lab.url, { oci: OCI_CREDENTIALS });
  const overtaken = repository.publish((await sealed('1')).folder);
  // The other one's tag comes after this one has looked and before it looks again: the store says so by a setter.
  const set = content.tags.set.bind(content.tags);
  content.tags.set = (tag) => set(tag, Buffer.from('{"other":true}'));
  expect(await codeOf(overtaken)).toBe('CONFLICT');
  await lab.stop();
});

test.each([
  ['ftp://host/x', 'must be file:'],
  ['s3+https://user:secret@host/bucket', 'credentials do not belong into a URL'],
  ['oci+https://host', 'must be file:'],
  ['s3+https://host/bucket', 'needs an S3 access key'],
])('the URL %s is refused', (url, message) => {
  expect(() => openRemote(url, {})).toThrow(message);
});
