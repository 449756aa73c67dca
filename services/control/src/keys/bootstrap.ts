import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { AppError } from '@frontier/contracts/errors';
import type { KeyStore } from '@frontier/contracts/registry';
import { ConfigError } from '@frontier/kit/config';
import { hashOf, newToken, parseToken, type Token } from './token.ts';

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
  await create(keys, token, pepper, 'there was no key');
  return true;
}

export interface GivenKeyOptions {
  keys: Pick<KeyStore, 'find' | 'create'>;
  environment: string;
  pepper: string;
  /** The key as its holder has it. */
  text: string;
}

/**
 * Sees to it that an admin key which was made outside is known; true when it was not. One that somebody revoked stays
 * revoked. Throws ConfigError for a text that is no key of this environment, and where another pepper hashed it.
 */
export async function ensureKey({ keys, environment, pepper, text }: GivenKeyOptions): Promise<boolean> {
  const token = parseToken(text);
  if (token?.environment !== environment) {
    throw new ConfigError([
      `CONTROL_ADMIN_KEY: must be a key of the environment ${environment}: frn_${environment}_<16 hex digits>_<64 hex digits><first 8 of the SHA-256 of all before>`,
    ]);
  }
  try {
    if (await isKnown(keys, token, pepper)) return false;
    await create(keys, token, pepper, 'it was given in CONTROL_ADMIN_KEY');
    return true;
  } catch (error) {
    // Another control service was faster.
    if (error instanceof AppError && error.code === 'CONFLICT') return false;
    throw error;
  }
}

async function isKnown(keys: Pick<KeyStore, 'find'>, token: Token, pepper: string): Promise<boolean> {
  const known = await keys.find(token.id);
  if (known && known.secretHash !== hashOf(token, pepper)) {
    throw new ConfigError([
      `CONTROL_KEY_PEPPER: the key ${token.id} is known under another pepper or secret: give the former pepper back, or another key`,
    ]);
  }
  return known !== undefined;
}

async function create(
  keys: Pick<KeyStore, 'create'>,
  token: Token,
  pepper: string,
  why: string,
): Promise<void> {
  await keys.create(
    { id: token.id, name: 'bootstrap', role: 'admin', owns: [], secretHash: hashOf(token, pepper) },
    {
      who: 'control',
      action: 'key.create',
      subject: `key/${token.id}`,
      before: null,
      after: { name: 'bootstrap', role: 'admin' },
      why,
    },
  );
}

/** Through a new file: an old one may be readable by others, or a link. */
export async function writePrivate(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, text, { mode: OWNER_ONLY, flag: 'wx' });
  await rename(fresh, file);
}
