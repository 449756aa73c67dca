import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export const MANIFEST = 'manifest.json';
export const SIGNATURE = 'model.sig';
/** Present where the other files are encrypted. */
export const ENVELOPE = 'encryption.json';

/** What lies beside the files that a manifest lists. */
const BESIDE: ReadonlySet<string> = new Set([MANIFEST, SIGNATURE, ENVELOPE]);

export const MAX_FILES = 10_000;
/** Of the manifest and of the signature. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** Of one file and of all files of a version. */
const MAX_BYTES = 256 * 1024 ** 3;
const MAX_DEPTH = 16;

const pathSchema = z.string().max(512).refine(isContained, 'must be a relative path without `..`, hidden or empty parts'); // prettier-ignore
const fileSchema = z.strictObject({
  path: pathSchema,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().min(0).max(MAX_BYTES),
});

const manifestSchema = z.strictObject({
  schema: z.literal('frontier.model-manifest/v1'),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/),
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  files: z.array(fileSchema).min(1).max(MAX_FILES),
});

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestFile = Manifest['files'][number];

/** A path that stays in its folder on every system: POSIX, no `.`, `..`, hidden, empty or control parts. */
export function isContained(path: string): boolean {
  // oxlint-disable-next-line no-control-regex
  if (/[\\\u0000-\u001f\u007f]|^[A-Za-z]:/.test(path)) return false;
  const parts = path.split('/');
  return parts.length <= MAX_DEPTH && parts.every((part) => part !== '' && !part.startsWith('.'));
}

/** The one text that this manifest can have; its digest names the version's content. */
export function manifestText(manifest: Manifest): string {
  const files = manifest.files
    .map(({ path, sha256, size }) => ({ path, sha256, size }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const { schema, name, version } = manifest;
  return `${JSON.stringify({ schema, name, version, files }, undefined, 2)}\n`;
}

/** `sha256:<hex>` of a manifest's bytes. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Throws where the bytes are not the canonical text of a manifest: two texts of one content had two digests. */
export function parseManifest(bytes: Uint8Array): { manifest: Manifest; digest: string } {
  const text = Buffer.from(bytes).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`${MANIFEST}: not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw new Error(`${MANIFEST}: ${z.prettifyError(parsed.error)}`);
  const manifest = parsed.data;
  if (new Set(manifest.files.map((file) => file.path)).size < manifest.files.length)
    throw new Error(`${MANIFEST}: names a file twice`);
  if (manifest.files.some((file) => BESIDE.has(file.path)))
    throw new Error(`${MANIFEST}: must not list itself, the signature or the envelope`);
  if (manifest.files.reduce((sum, file) => sum + file.size, 0) > MAX_BYTES)
    throw new Error(`${MANIFEST}: more than ${MAX_BYTES} bytes in all`);
  if (text !== manifestText(manifest)) throw new Error(`${MANIFEST}: not in canonical form; make it anew`);
  return { manifest, digest: digestOf(bytes) };
}

/** The manifest of what lies in a folder. Throws for links, hidden files and what is over the limits. */
export async function makeManifest(folder: string, name: string, version: string): Promise<Manifest> {
  const files: ManifestFile[] = [];
  for (const file of await listFolder(folder)) {
    if (BESIDE.has(file.path)) continue;
    checkPlain(file);
    files.push({
      path: file.path,
      sha256: await hashFile(join(folder, file.path), file.size),
      size: file.size,
    });
  }
  const manifest: Manifest = { schema: 'frontier.model-manifest/v1', name, version, files };
  return parseManifest(Buffer.from(manifestText(manifest))).manifest;
}

/** Throws unless the folder holds exactly the files of the manifest, byte for byte. Cheap checks come first. */
export async function verifyManifest(folder: string, manifest: Manifest): Promise<void> {
  const there = new Map((await listFolder(folder)).map((file) => [file.path, file]));
  const expected = new Map(manifest.files.map((file) => [file.path, file]));
  for (const file of there.values()) {
    checkPlain(file);
    const listed = expected.get(file.path);
    if (!listed && !BESIDE.has(file.path)) throw new Error(`${file.path}: is not in ${MANIFEST}`);
    if (listed && listed.size !== file.size)
      throw new Error(`${file.path}: has ${file.size} bytes, ${MANIFEST} says ${listed.size}`);
  }
  for (const path of expected.keys()) if (!there.has(path)) throw new Error(`${path}: is missing`);
  for (const { path, sha256, size } of manifest.files) {
    if ((await hashFile(join(folder, path), size)) !== sha256)
      throw new Error(`${path}: its SHA-256 is not that of ${MANIFEST}`);
  }
}

/** An entry of a folder that is no folder itself. */
export interface FolderFile {
  /** POSIX, relative to the folder. */
  path: string;
  kind: 'file' | 'link' | 'other';
  size: number;
  mtimeMs: number;
  /** Changes with content, names and rights, and cannot be set. */
  ctimeMs: number;
  /** Names that this file has on its file system. */
  links: number;
}

/** All files below a folder by path, links not followed. Throws for too many or too deep ones. */
export async function listFolder(folder: string): Promise<FolderFile[]> {
  const found: FolderFile[] = [];
  const waiting = [''];
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    if (below.split('/').length > MAX_DEPTH) throw new Error(`${below}: more than ${MAX_DEPTH} folders deep`);
    for await (const entry of await opendir(join(folder, below))) {
      const path = below + entry.name;
      if (entry.isDirectory()) waiting.push(`${path}/`);
      else {
        const file = await describe(folder, path);
        if (file) found.push(file);
      }
      if (found.length + waiting.length > MAX_FILES + BESIDE.size)
        throw new Error(`more than ${MAX_FILES} files`);
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Undefined: it went away since the folder was read. */
async function describe(folder: string, path: string): Promise<FolderFile | undefined> {
  const stat = await lstat(join(folder, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stat) return undefined;
  const kind = stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'link' : 'other';
  return { path, kind, size: stat.size, mtimeMs: stat.mtimeMs, ctimeMs: stat.ctimeMs, links: stat.nlink };
}

function checkPlain(file: FolderFile): void {
  if (file.kind !== 'file') throw new Error(`${file.path}: is a ${file.kind === 'link' ? 'link' : 'device, pipe or socket'}; only plain files may be in a version`); // prettier-ignore
  // Whoever holds the other name could change the content after it was checked.
  if (file.links > 1) throw new Error(`${file.path}: has another name (hard link); copy the file instead`);
}

async function hashFile(path: string, size: number): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream('', {
    fd: handle,
    highWaterMark: 1024 * 1024,
  }) as AsyncIterable<Buffer>) {
    // prettier-ignore
    bytes += chunk.length;
    if (bytes > size) throw new Error(`${path}: grows while it is read`);
    hash.update(chunk);
  }
  return hash.digest('hex');
}
