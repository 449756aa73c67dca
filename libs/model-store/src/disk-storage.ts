import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@frontier/contracts/errors';
import { removeAbandoned } from './abandoned.ts';
import { listFolder } from './manifest.ts';
import type { VersionName } from './model-repository.ts';
import { versionFolders } from './repository.ts';
import { atMost, type OpenVersion, type Storage, type StoredFile } from './storage.ts';

/** `<root>/<name>/<version>/`: a folder that can be served as it is, unless it is encrypted. */
export class DiskStorage implements Storage {
  readonly location: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.location = root;
  }

  async list(): Promise<VersionName[]> {
    return (await versionFolders(this.#root)).map(([name, version]) => ({ name, version }));
  }

  async open({ name, version }: VersionName): Promise<OpenVersion | undefined> {
    const folder = join(this.#root, name, version);
    const files = await listFolder(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (!files) return undefined;
    const plain = new Set(files.filter((file) => file.kind === 'file').map((file) => file.path));
    return {
      has: (path) => plain.has(path),
      read: (path, maxBytes) => atMost(createReadStream(join(folder, path)), maxBytes, path),
    };
  }

  async commit(
    { name, version }: VersionName,
    files: readonly StoredFile[],
    manifest: StoredFile,
    signal?: AbortSignal,
  ): Promise<void> {
    const folder = join(this.#root, name, version);
    await mkdir(dirname(folder), { recursive: true });
    await removeAbandoned(dirname(folder));
    // Hidden, so no reader sees it, and on the same file system, so that renaming is one step.
    const hidden = join(this.#root, name, `.${randomUUID()}`);
    try {
      for (const file of [...files, manifest]) {
        signal?.throwIfAborted();
        const path = join(hidden, file.path);
        await mkdir(dirname(path), { recursive: true });
        const handle = await open(path, 'wx', 0o644);
        await pipeline(file.read(), handle.createWriteStream({ flush: true }));
      }
      await syncFolders(hidden, files);
      await rename(hidden, folder);
      await syncFolder(dirname(folder));
    } catch (error) {
      await rm(hidden, { recursive: true, force: true });
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOTEMPTY' || code === 'EEXIST')
        throw new AppError('CONFLICT', `${name}@${version} exists; publish the change as a new version`);
      throw error;
    }
  }
}

/** After this a crash cannot lose the names of the files. */
async function syncFolders(root: string, files: readonly StoredFile[]): Promise<void> {
  const folders = new Set([root, ...files.map((file) => dirname(join(root, file.path)))]);
  for (const folder of folders) await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
