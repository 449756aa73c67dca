import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import type { KeyStore } from '@frontier/contracts/registry';
import { bootstrap, ensureKey } from './bootstrap.ts';
import { localPepper } from './pepper.ts';
import { hashOf, newToken, parseToken, type Token } from './token.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'frontier-keys-'))));
afterEach(() => rm(folder, { recursive: true }));

/** The part of a store that the first key needs. */
function keyStore(): Pick<KeyStore, 'list' | 'create' | 'find'> & {
  made: Parameters<KeyStore['create']>[0][];
} {
  const made: Parameters<KeyStore['create']>[0][] = [];
  return {
    made,
    list: () =>
      Promise.resolve(made.map((key) => ({ ...key, createdAt: 0, revokedAt: null, lastUsedAt: null }))),
    find: (id) => {
      const key = made.find((one) => one.id === id);
      return Promise.resolve(key && { ...key, createdAt: 0, revokedAt: null, lastUsedAt: null });
    },
    create: (key) =>
      Promise.resolve({ ...key, createdAt: made.push(key), revokedAt: null, lastUsedAt: null }),
  };
}

test('the first key is an admin, once, and only its owner may read it', async () => {
  const keys = keyStore();
  const file = join(folder, 'key');
  const elsewhere = join(folder, 'elsewhere');
  await writeFile(elsewhere, 'old', { mode: 0o644 });
  await symlink(elsewhere, file);
  const options = { keys, environment: 'dev', pepper: 'p', file };
  expect(await bootstrap(options)).toBe(true);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(elsewhere, 'utf8')).toBe('old');
  const text = (await readFile(file, 'utf8')).trim();
  const token = parseToken(text) as Token;
  expect(keys.made).toEqual([
    { id: token.id, name: 'bootstrap', role: 'admin', owns: [], secretHash: hashOf(token, 'p') },
  ]);
  expect(await bootstrap(options)).toBe(false);
  expect((await readFile(file, 'utf8')).trim()).toBe(text);
});

test('a key that is given is made once, under its pepper, in its environment', async () => {
  const keys = keyStore();
  const token = newToken('prod');
  const options = { keys, environment: 'prod', pepper: 'p', text: token.text };
  expect(await ensureKey(options)).toBe(true);
  expect(keys.made).toEqual([
    { id: token.id, name: 'bootstrap', role: 'admin', owns: [], secretHash: hashOf(token, 'p') },
  ]);
  expect(await ensureKey(options)).toBe(false);
  await expect(ensureKey({ ...options, pepper: 'q' })).rejects.toThrow('under another pepper');
  await expect(ensureKey({ ...options, environment: 'dev' })).rejects.toThrow('CONTROL_ADMIN_KEY: must be');
  await expect(ensureKey({ ...options, text: 'hunter2' })).rejects.not.toThrow('hunter2');
  expect(keys.made).toHaveLength(1);
});

test('two control services may make the given key at once', async () => {
  const keys = { ...keyStore(), create: () => Promise.reject(new AppError('CONFLICT', 'there already')) };
  const options = { keys, environment: 'dev', pepper: 'p', text: newToken('dev').text };
  expect(await ensureKey(options)).toBe(false);
});

test('the pepper is made once', async () => {
  const pepper = await localPepper(join(folder, 'database'));
  expect(pepper).toMatch(/^[0-9a-f]{64}$/);
  expect(await localPepper(join(folder, 'database'))).toBe(pepper);
  expect(await readdir(folder)).toEqual(['database.pepper']);
});
