// Puts whole versions of models into a folder: made in a hidden one beside, verified, and renamed.
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyVersion } from '@frontier/model-store/verify';

/**
 * Calls `fill` with an empty folder unless the version is there already, sound; what is not is replaced. `digest`,
 * where given, must be that of the result. Gives what was done.
 */
export async function place(target, { name, version, digest, trust }, fill) {
  const folder = join(target, name, version);
  const required = { ...trust, requireManifest: true };
  const there = await verifyVersion(folder, required).catch(() => undefined);
  if (there && (digest === undefined || there.digest === digest))
    return { digest: there.digest, done: 'is there' };
  const hidden = join(target, name, `.${randomUUID()}`);
  await mkdir(hidden, { recursive: true });
  try {
    await fill(hidden);
    const { digest: made, manifest } = await verifyVersion(hidden, required);
    if (manifest.name !== name || manifest.version !== version)
      throw new Error(`its manifest is of ${manifest.name}@${manifest.version}`);
    if (digest !== undefined && made !== digest)
      throw new Error(`its digest is ${made}, ${digest} was asked for: publish under a new version, or correct the digest`); // prettier-ignore
    await rm(folder, { recursive: true, force: true });
    await rename(hidden, folder);
    return { digest: made, done: there ? 'replaced' : 'copied' };
  } finally {
    await rm(hidden, { recursive: true, force: true });
  }
}
