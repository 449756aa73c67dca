import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { listFolder } from './manifest.ts';

/** Longer than any file takes to begin. */
const QUIET_MS = 60 * 60_000;

/**
 * Removes the hidden folders in a model's folder into which nobody has written for an hour: of publishers and fetchers
 * that were killed.
 */
export async function removeAbandoned(folder: string, now = Date.now()): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith('.')) continue;
    const hidden = join(folder, entry);
    const files = await listFolder(hidden).catch(() => undefined);
    const own = await stat(hidden).catch(() => undefined);
    // Somebody else removed or renamed it meanwhile.
    if (!files || !own) continue;
    const last = Math.max(own.mtimeMs, ...files.map((file) => file.mtimeMs));
    if (now - last > QUIET_MS) await rm(hidden, { recursive: true, force: true });
  }
}
