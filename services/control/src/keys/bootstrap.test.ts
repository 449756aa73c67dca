import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyStore } from '@frontier/contracts/registry';
import { bootstrap } from './bootstrap.ts';
import { localPepper } from './pepper.ts';
import { hashOf, parseToken, type Token } from './token.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'frontier-keys-'))));
afterEach(() => rm(folder, { recursive: true }));

/** The part of a store that the first key needs. */
function keyStore(): Pick<KeyStore, 'list' | 'create'> & { made: Parameters<KeyStore['create']>[0][] } {
  const made: Parameters<KeyStore['create']>[0][] = [];
  return {
    made,
    list: () =>
      Promise.resolve(made.map((key) => ({ ...key, createdAt: 0, revokedAt: null, lastUsedAt: null }))),
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

test('the pepper is made once', async () => {
  const pepper = await localPepper(join(folder, 'database'));
  expect(pepper).toMatch(/^[0-9a-f]{64}$/);
  expect(await localPepper(join(folder, 'database'))).toBe(pepper);
  expect(await readdir(folder)).toEqual(['database.pepper']);
});
