import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { listFolder, MANIFEST, type FolderFile } from './manifest.ts';
import {
  readVersion,
  versionFolders,
  type ModelFault,
  type Repository,
  type StoredModel,
} from './repository.ts';
import type { Trust } from './verify.ts';

/** What is known of one version folder. */
interface Known {
  /** Names, sizes and times of its files when it was last looked at, and when it was last read. */
  seen: string;
  read?: string;
  /** The last one that was sound: it stays, whatever becomes of its files. */
  model?: StoredModel;
  fault?: string;
}

/**
 * The versions of local folders, read again only when their files have changed. A version is taken when it has a
 * manifest, which is written last; without one, when its files are the same as at the look before.
 */
export class FolderVersions {
  readonly #trust: Trust;
  readonly #known = new Map<string, Known>();
  #reads = 0;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  /** How often the files of a version have been read: they may be others behind an equal `StoredModel`. */
  get reads(): number {
    return this.#reads;
  }

  /**
   * `quietSince`: files without a manifest that are older than this Unix time (ms) are taken at once. `pending`: some
   * have to be looked at again. A folder that cannot be read has what it had, and a fault.
   */
  async look(folder: string, quietSince: number): Promise<Repository & { pending: boolean }> {
    const faults: ModelFault[] = [];
    try {
      await this.#lookAtAll(folder, quietSince);
    } catch (error) {
      faults.push({ path: folder, reason: (error as Error).message });
    }
    const models: StoredModel[] = [];
    let pending = false;
    for (const [dir, known] of this.#of(folder)) {
      if (known.model) models.push(known.model);
      if (known.fault !== undefined) faults.push({ path: join(dir, 'model.yaml'), reason: known.fault });
      pending ||= known.read !== known.seen;
    }
    return { models, faults, pending };
  }

  #of(folder: string): Array<[dir: string, known: Known]> {
    return [...this.#known].filter(([dir]) => dirname(dirname(dir)) === resolve(folder));
  }

  async #lookAtAll(folder: string, quietSince: number): Promise<void> {
    const there = new Set<string>();
    for (const [name, version] of await versionFolders(folder)) {
      const dir = resolve(folder, name, version);
      if (await this.#lookAt(dir, name, version, quietSince)) there.add(dir);
    }
    for (const [dir] of this.#of(folder)) if (!there.has(dir)) this.#known.delete(dir);
  }

  /** False: it is no version. */
  async #lookAt(dir: string, name: string, version: string, quietSince: number): Promise<boolean> {
    const files = await filesOf(dir);
    if (!files) return false;
    const known: Known = this.#known.get(dir) ?? { seen: '' };
    this.#known.set(dir, known);
    const seen = typeof files === 'string' ? files : fingerprint(files);
    const quiet = seen === known.seen;
    known.seen = seen;
    if (known.read === seen) return true;
    if (!quiet && this.#mayBeWritten(files, quietSince)) return true;
    known.read = seen;
    this.#reads += 1;
    try {
      if (typeof files === 'string') throw new Error(files);
      await this.#read(known, dir, name, version);
      delete known.fault;
    } catch (error) {
      known.fault = (error as Error).message;
    }
    return true;
  }

  #mayBeWritten(files: readonly FolderFile[] | string, quietSince: number): boolean {
    if (typeof files === 'string' || this.#trust.requireManifest || this.#trust.requireSignature)
      return false;
    return files.every((file) => file.path !== MANIFEST) && files.some((file) => file.mtimeMs > quietSince);
  }

  async #read(known: Known, dir: string, name: string, version: string): Promise<void> {
    const model = await readVersion(dir, name, version, this.#trust);
    const digest = known.model?.digest;
    if (digest !== undefined && model?.digest !== digest)
      throw new Error(`was published as ${digest} and is ${model?.digest ?? 'without a manifest'} now: versions do not change, publish a new one`); // prettier-ignore
    if (model) known.model = model;
  }
}

/** Undefined: no version. A text: why it cannot be listed. */
async function filesOf(dir: string): Promise<FolderFile[] | string | undefined> {
  try {
    await access(join(dir, 'model.yaml'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : message;
  }
  return listFolder(dir).catch((error: Error) => error.message);
}

function fingerprint(files: readonly FolderFile[]): string {
  return files.map((file) => `${file.path} ${file.kind} ${file.size} ${file.ctimeMs}`).join('\n');
}
