import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@frontier/contracts/errors';
import { decrypt, encrypt, encryptedSize, newEnvelope, openEnvelope } from './encryption.ts';
import {
  ENVELOPE,
  MANIFEST,
  MAX_DOCUMENT_BYTES,
  parseManifest,
  SIGNATURE,
  type Manifest,
  type ManifestFile,
} from './manifest.ts';
import { readVersion } from './repository.ts';
import { collect, type OpenVersion, type Storage, type StoredFile } from './storage.ts';
import { readDocument, TRUST_FILES } from './verify.ts';

export interface VersionName {
  name: string;
  version: string;
}

/** Where immutable versions of models lie: a disk, S3-compatible storage, an OCI registry. */
export interface ModelRepository {
  /** For messages; without credentials. */
  readonly location: string;
  /**
   * Publishes a version folder (`model.yaml`, its files, `manifest.json`, perhaps a signature), all of it or nothing.
   * Throws INVALID_INPUT for a folder that is no sound version, CONFLICT when the version exists, also when somebody
   * else publishes it at the same time and wins.
   */
  publish(folder: string, signal?: AbortSignal): Promise<VersionName & { digest: string }>;
  list(signal?: AbortSignal): Promise<VersionName[]>;
  /** Of the manifest, `sha256:<hex>`. Throws NOT_FOUND. */
  digest(name: string, version: string, signal?: AbortSignal): Promise<string>;
  /**
   * Writes the version's files into an empty folder, their digests checked. Throws NOT_FOUND; UPSTREAM_ERROR for
   * content that is not what its manifest says; UNAVAILABLE for what may pass.
   */
  fetch(name: string, version: string, intoFolder: string, signal?: AbortSignal): Promise<void>;
}

/** A repository over some storage, encrypted when a key-encryption key is given. Digests are of the plain files. */
export class StoredRepository implements ModelRepository {
  readonly #storage: Storage;
  readonly #key: Buffer | undefined;

  constructor(storage: Storage, key?: Buffer) {
    this.#storage = storage;
    this.#key = key;
  }

  get location(): string {
    return this.#storage.location;
  }

  async publish(folder: string, signal?: AbortSignal): Promise<VersionName & { digest: string }> {
    const { manifest, digest, documents } = await soundVersion(folder);
    const sealed = this.#key && newEnvelope(this.#key, digest);
    const files = manifest.files.map((file) => storedFile(folder, file, sealed?.dataKey));
    if (sealed) documents.set(ENVELOPE, Buffer.from(sealed.text));
    for (const [path, bytes] of documents) files.push(storedBytes(path, bytes));
    const { name, version } = manifest;
    const last = storedBytes(MANIFEST, (await readDocument(folder, MANIFEST)) ?? Buffer.alloc(0));
    await this.#storage.commit({ name, version }, files, last, signal);
    return { name, version, digest };
  }

  list(signal?: AbortSignal): Promise<VersionName[]> {
    return this.#storage.list(signal);
  }

  async digest(name: string, version: string, signal?: AbortSignal): Promise<string> {
    const stored = await this.#open(name, version, signal);
    return this.#rightly(name, version, async () => (await readManifest(stored, name, version)).digest);
  }

  async fetch(name: string, version: string, intoFolder: string, signal?: AbortSignal): Promise<void> {
    const stored = await this.#open(name, version, signal);
    await this.#rightly(name, version, async () => {
      const { manifest, digest, bytes } = await readManifest(stored, name, version);
      const dataKey = await this.#dataKey(stored, digest);
      for (const file of manifest.files) {
        signal?.throwIfAborted();
        await mkdir(dirname(join(intoFolder, file.path)), { recursive: true });
        await writeChecked(join(intoFolder, file.path), plain(stored, file, dataKey), file);
      }
      if (stored.has(SIGNATURE))
        await writeFile(join(intoFolder, SIGNATURE), await document(stored, SIGNATURE), { flag: 'wx' });
      await writeFile(join(intoFolder, MANIFEST), bytes, { flag: 'wx' });
    });
  }

  async #open(name: string, version: string, signal: AbortSignal | undefined): Promise<OpenVersion> {
    const stored = await this.#storage.open({ name, version }, signal);
    if (!stored) throw new AppError('NOT_FOUND', `no ${name}@${version} in ${this.location}`);
    return stored;
  }

  async #dataKey(stored: OpenVersion, digest: string): Promise<Buffer | undefined> {
    if (!stored.has(ENVELOPE)) return undefined;
    if (!this.#key) throw new Error('is encrypted, and no key is given');
    return openEnvelope(this.#key, await document(stored, ENVELOPE), digest);
  }

  /** What is wrong with the content becomes an error that names the version. */
  async #rightly<T>(name: string, version: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof AppError) throw error;
      const reason = (error as Error).message;
      throw new AppError('UPSTREAM_ERROR', `${name}@${version} in ${this.location}: ${reason}`, { cause: error }); // prettier-ignore
    }
  }
}

/** What has to be in order before anything is stored. */
async function soundVersion(
  folder: string,
): Promise<{ manifest: Manifest; digest: string; documents: Map<string, Buffer> }> {
  // prettier-ignore
  try {
    const bytes = await readDocument(folder, MANIFEST);
    if (!bytes) throw new Error(`${MANIFEST} is missing: seal the version first`);
    const { manifest, digest } = parseManifest(bytes);
    const trust = { ...TRUST_FILES, requireManifest: true };
    if (!(await readVersion(folder, manifest.name, manifest.version, trust)))
      throw new Error('model.yaml is missing');
    const signature = await readDocument(folder, SIGNATURE);
    return { manifest, digest, documents: new Map(signature ? [[SIGNATURE, signature]] : []) };
  } catch (error) {
    const { message } = error as Error;
    throw new AppError('INVALID_INPUT', `${folder}: ${message}`, { cause: error });
  }
}

function storedFile(folder: string, file: ManifestFile, dataKey: Buffer | undefined): StoredFile {
  const read = () => checked(createReadStream(join(folder, file.path)), file);
  if (!dataKey) return { path: file.path, size: file.size, read };
  return {
    path: file.path,
    size: encryptedSize(file.size),
    read: () => encrypt(read(), dataKey, file.path),
  };
}

function storedBytes(path: string, bytes: Buffer): StoredFile {
  return {
    path,
    size: bytes.length,
    async *read() {
      yield bytes;
    },
  };
}

function plain(
  stored: OpenVersion,
  file: ManifestFile,
  dataKey: Buffer | undefined,
): AsyncIterable<Uint8Array> {
  // prettier-ignore
  if (!dataKey) return stored.read(file.path, file.size);
  return decrypt(stored.read(file.path, encryptedSize(file.size)), dataKey, file.path);
}

async function readManifest(
  stored: OpenVersion,
  name: string,
  version: string,
): Promise<{ manifest: Manifest; digest: string; bytes: Buffer }> {
  // prettier-ignore
  const bytes = await document(stored, MANIFEST);
  const { manifest, digest } = parseManifest(bytes);
  if (manifest.name !== name || manifest.version !== version)
    throw new Error(`its manifest is of ${manifest.name}@${manifest.version}`);
  return { manifest, digest, bytes };
}

function document(stored: OpenVersion, path: string): Promise<Buffer> {
  return collect(stored.read(path, MAX_DOCUMENT_BYTES));
}

async function writeChecked(
  path: string,
  content: AsyncIterable<Uint8Array>,
  file: ManifestFile,
): Promise<void> {
  // prettier-ignore
  const handle = await open(path, 'wx', 0o644);
  await pipeline(checked(content, file), handle.createWriteStream({ flush: true }));
}

/** Passes content on, and throws at the end unless it was what the manifest says. */
async function* checked(content: AsyncIterable<Uint8Array>, file: ManifestFile): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > file.size) throw new Error(`${file.path}: more than the ${file.size} bytes of ${MANIFEST}`);
    hash.update(chunk);
    yield chunk;
  }
  if (size < file.size) throw new Error(`${file.path}: ${size} bytes, ${MANIFEST} says ${file.size}`);
  if (hash.digest('hex') !== file.sha256)
    throw new Error(`${file.path}: its SHA-256 is not that of ${MANIFEST}`);
}
