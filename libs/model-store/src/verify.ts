import type { KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { readFileSync } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  ENVELOPE,
  isContained,
  MANIFEST,
  MAX_DOCUMENT_BYTES,
  parseManifest,
  SIGNATURE,
  verifyManifest,
  type Manifest,
} from './manifest.ts';
import { externalData } from './onnx-external-data.ts';
import { readPublicKey, verifySignature } from './signature.ts';

/** Whose models may be served. */
export interface Trust {
  /** Public keys, Ed25519 or ECDSA P-256. */
  keys: readonly KeyObject[];
  /** A version without `manifest.json` is refused. */
  requireManifest: boolean;
  /** A version without a signature by one of `keys` is refused (and so is one without a manifest). */
  requireSignature: boolean;
}

/** Files are taken as they lie there; what has a manifest must still agree with it. */
export const TRUST_FILES: Trust = { keys: [], requireManifest: false, requireSignature: false };

/** Reads the keys from PEM files. Throws for one that is none, and where signatures are required of nobody. */
export function loadTrust(
  keyFiles: readonly string[],
  required: { requireManifest: boolean; requireSignature: boolean },
): Trust {
  if (required.requireSignature && keyFiles.length === 0)
    throw new Error('signatures are required, but no trusted key is given');
  const keys = keyFiles.map((file) => {
    try {
      return readPublicKey(readFileSync(file, 'utf8'));
    } catch (error) {
      throw new Error(`${file}: not a public key in PEM: ${(error as Error).message}`, { cause: error });
    }
  });
  return { keys, ...required };
}

/**
 * Checks manifest, files and signature of a version folder before anything of it is parsed, then where its ONNX files
 * lead. Gives the manifest with its digest, or undefined where there is none and none is required. A signature that
 * is there must be by a trusted key as soon as there are any. Throws with the file and the reason.
 */
export async function verifyVersion(
  folder: string,
  trust: Trust,
): Promise<{ manifest: Manifest; digest: string } | undefined> {
  if (await readDocument(folder, ENVELOPE))
    throw new Error('is encrypted: name its repository as a remote one, with the key');
  const bytes = await readDocument(folder, MANIFEST);
  if (!bytes) {
    if (trust.requireSignature || trust.requireManifest) throw new Error(`${MANIFEST} is missing`);
    return undefined;
  }
  const { manifest, digest } = parseManifest(bytes);
  const signature = await readDocument(folder, SIGNATURE);
  if (!signature && trust.requireSignature) throw new Error(`${SIGNATURE} is missing`);
  if (signature && trust.keys.length > 0) verifySignature(signature, manifest, trust.keys);
  await verifyManifest(folder, manifest);
  for (const { path } of manifest.files)
    if (path.endsWith('.onnx')) await checkExternalData(join(folder, path));
  return { manifest, digest };
}

/**
 * Throws unless a version is still what it was when it was shown: to be called just before its files are loaded.
 * What had no manifest then is not compared.
 */
export async function verifyUnchanged(model: { dir: string; digest?: string }, trust: Trust): Promise<void> {
  if (model.digest === undefined) return;
  const now = await verifyVersion(model.dir, trust);
  if (now?.digest !== model.digest)
    throw new Error(`${model.dir} is ${now?.digest ?? 'without a manifest'} now, was ${model.digest}`);
}

/** Throws unless all external data of an ONNX file are plain, long enough files at or below its folder. */
export async function checkExternalData(file: string): Promise<void> {
  const found = await externalData(file);
  const folder = await realpath(dirname(file));
  for (const { location, end } of found) {
    if (!isContained(location)) throw new Error(`external data ${JSON.stringify(location)}: must lie beside the model`); // prettier-ignore
    const path = join(folder, location);
    if ((await realpath(path)) !== path) throw new Error(`external data ${location}: is a link`);
    const { size } = await stat(path);
    if (size < end) throw new Error(`external data ${location}: has ${size} bytes, the model needs ${end}`);
  }
}

/** A small file of a version; undefined where there is none. Throws for a link and above 4 MiB. */
export async function readDocument(folder: string, name: string): Promise<Buffer | undefined> {
  const handle = await open(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw code === 'ELOOP' ? new Error(`${name}: is a link`) : error;
    },
  );
  if (!handle) return undefined;
  try {
    const { size } = await handle.stat();
    if (size > MAX_DOCUMENT_BYTES) throw new Error(`${name}: more than ${MAX_DOCUMENT_BYTES} bytes`);
    const bytes = Buffer.alloc(size);
    await handle.read(bytes, 0, size, 0);
    return bytes;
  } finally {
    await handle.close();
  }
}
