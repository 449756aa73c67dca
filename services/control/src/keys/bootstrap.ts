import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import type { KeyStore } from '@frontier/contracts/registry';
import { hashOf, newToken } from './token.ts';

const OWNER_ONLY = 0o600;

export interface BootstrapOptions {
  keys: Pick<KeyStore, 'list' | 'create'>;
  environment: string;
  pepper: string;
  file: string;
}

/**
 * The first key, an admin's, written to a file that only its owner may read; true when it was made. The file comes
 * first: a crash behind it leaves a key that opens nothing, and the next start makes another one.
 */
export async function bootstrap({ keys, environment, pepper, file }: BootstrapOptions): Promise<boolean> {
  if ((await keys.list()).length > 0) return false;
  const token = newToken(environment);
  await writePrivate(file, `${token.text}\n`);
  await keys.create(
    { id: token.id, name: 'bootstrap', role: 'admin', owns: [], secretHash: hashOf(token, pepper) },
    {
      who: 'control',
      action: 'key.create',
      subject: `key/${token.id}`,
      before: null,
      after: { name: 'bootstrap', role: 'admin' },
      why: 'there was no key',
    },
  );
  return true;
}

/** Through a new file: an old one may be readable by others, or a link. */
export async function writePrivate(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, text, { mode: OWNER_ONLY, flag: 'wx' });
  await rename(fresh, file);
}
