import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writePrivate } from './bootstrap.ts';

/** The pepper of an embedded database: made once, in a file beside its folder that only its owner may read. */
export async function localPepper(databaseFolder: string): Promise<string> {
  const file = `${databaseFolder}.pepper`;
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const pepper = randomBytes(32).toString('hex');
  await writePrivate(file, `${pepper}\n`);
  return pepper;
}
