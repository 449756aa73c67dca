import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from '@frontier/kit/config';
import { repositoryOptions, repositoryShape } from './settings.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'settings-'));
});

afterEach(() => rm(dir, { recursive: true }));

const read = (env: Record<string, string>) => repositoryOptions(parseEnv(repositoryShape, env));

test('without settings: the folder models, nobody trusted and nothing required', () => {
  const options = read({});
  expect(options).toMatchObject({ folders: ['models'], remotes: [], everyMs: 2_000 });
  expect(options.trust).toEqual({ keys: [], requireManifest: false, requireSignature: false });
});

test('folders and repositories by their URLs, with credentials of their own', () => {
  const options = read({
    MODEL_REPOSITORY: 'models, s3+https://s3.example.org/bucket/prefix?region=eu-west-1,oci+https://registry.example.org/models',
    MODEL_S3_ACCESS_KEY_ID: 'id',
    MODEL_S3_SECRET_ACCESS_KEY: 'secret',
  }); // prettier-ignore
  expect(options.folders).toEqual(['models']);
  expect(options.remotes?.map((remote) => remote.location)).toEqual([
    'https://s3.example.org/bucket/prefix',
    'https://registry.example.org/models',
  ]);
});

test('trusted keys and the encryption key are read from their files', async () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  await writeFile(join(dir, 'signer.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(dir, 'no.pem'), 'x');
  const options = read({ MODEL_TRUSTED_KEYS: join(dir, 'signer.pem'), MODEL_REQUIRE_SIGNATURE: 'yes' });
  expect(options.trust?.keys[0]?.equals(publicKey)).toBe(true);
  expect(() => read({ MODEL_TRUSTED_KEYS: join(dir, 'no.pem') })).toThrow('no.pem: not a public key');
  expect(() => read({ MODEL_ENCRYPTION_KEY: join(dir, 'no.pem') })).toThrow('32 bytes as base64');
});

test('signatures that nobody can give are not required by mistake', () => {
  expect(() => read({ MODEL_REQUIRE_SIGNATURE: 'true' })).toThrow('no trusted key is given');
});
