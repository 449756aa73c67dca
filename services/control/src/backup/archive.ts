import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expired, timeOf, type Keep } from './rotation.ts';

/** What is dumped, each into a folder of its own. */
export const PARTS = ['postgresql', 'redis'] as const;
export type Part = (typeof PARTS)[number];

export interface Dump {
  name: string;
  /** When it was begun, Unix ms: what came later is not in it. */
  at: number;
  bytes: number;
  /** Of its content when it was new; absent until it was looked at. */
  sha256?: string;
}

/**
 * The dumps of one part: files `<time>.dump` or `<time>.rdb` that another program has put there under their final
 * names when they were complete, and beside each its SHA-256.
 */
export class Archive {
  readonly folder: string;

  constructor(root: string, part: Part) {
    this.folder = join(root, part);
  }

  /** The newest first. */
  async list(): Promise<Dump[]> {
    await mkdir(this.folder, { recursive: true });
    const dumps: Dump[] = [];
    for (const name of await readdir(this.folder)) {
      const at = timeOf(name);
      if (at === undefined) continue;
      const found = await stat(join(this.folder, name)).catch(() => undefined);
      const sha256 = await readFile(join(this.folder, `${name}.sha256`), 'utf8').catch(() => undefined);
      if (found) dumps.push({ name, at, bytes: found.size, ...(sha256 && { sha256: sha256.slice(0, 64) }) });
    }
    return dumps.sort((a, b) => b.at - a.at);
  }

  /** Writes the SHA-256 of what is new, and removes what is not kept any more. Gives back what is there then. */
  async tend(keep: Keep): Promise<Dump[]> {
    const dumps = await this.list();
    for (const dump of dumps) {
      if (dump.sha256 !== undefined) continue;
      dump.sha256 = await hashOf(join(this.folder, dump.name));
      const file = join(this.folder, `${dump.name}.sha256`);
      // The form that `sha256sum --check` reads.
      await writeFile(`${file}.part`, `${dump.sha256}  ${dump.name}\n`);
      await rename(`${file}.part`, file);
    }
    const gone = new Set(expired(dumps.map((dump) => dump.name), keep)); // prettier-ignore
    for (const name of gone) {
      await rm(join(this.folder, name), { force: true });
      await rm(join(this.folder, `${name}.sha256`), { force: true });
    }
    return dumps.filter((dump) => !gone.has(dump.name));
  }

  /** What is wrong with the dumps that are there; empty: nothing. Reads each of them. */
  async faults(): Promise<string[]> {
    const faults: string[] = [];
    for (const { name, bytes, sha256 } of await this.list()) {
      if (bytes === 0) faults.push(`${join(this.folder, name)} is empty`);
      else if (sha256 !== undefined && (await hashOf(join(this.folder, name))) !== sha256)
        faults.push(`${join(this.folder, name)} is not what was written: do not restore it`);
    }
    return faults;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
