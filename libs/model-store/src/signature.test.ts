import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from './manifest.ts';
import { readPublicKey, signManifest, verifySignature } from './signature.ts';
import { verifyVersion } from './verify.ts';

const manifest: Manifest = {
  schema: 'frontier.model-manifest/v1',
  name: 'a',
  version: '1',
  files: [
    { path: 'model.onnx', sha256: '1'.repeat(64), size: 1 },
    { path: 'model.yaml', sha256: '2'.repeat(64), size: 2 },
  ],
};

const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });

interface Bundle {
  dsseEnvelope: { payload: string; payloadType: string; signatures: [{ sig: string }] };
}

describe.each([
  ['Ed25519', ed25519],
  ['ECDSA P-256', p256],
])('%s', (_, keys) => {
  const signature = signManifest(manifest, keys.privateKey);
  const verify = (text: string, other: Manifest = manifest) =>
    verifySignature(Buffer.from(text), other, [keys.publicKey]);

  test('what was signed is verified, also among several trusted keys', () => {
    verify(signature);
    verifySignature(Buffer.from(signature), manifest, [ed25519.publicKey, p256.publicKey]);
  });

  test('a wrong signer is refused', () => {
    const stranger = generateKeyPairSync('ed25519').publicKey;
    expect(() => verifySignature(Buffer.from(signature), manifest, [stranger])).toThrow('not signed by a trusted key'); // prettier-ignore
    expect(() => verifySignature(Buffer.from(signature), manifest, [])).toThrow(
      'not signed by a trusted key',
    );
  });

  test('a changed statement is refused', () => {
    const bundle = JSON.parse(signature) as Bundle;
    const statement = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8');
    bundle.dsseEnvelope.payload = Buffer.from(statement.replace('1111', '3333')).toString('base64');
    expect(() => verify(JSON.stringify(bundle))).toThrow('not signed by a trusted key');
  });

  test('a signature of other files is refused: another digest, name, version, more or fewer files', () => {
    const [first, second] = manifest.files;
    if (!first || !second) throw new Error('two files');
    const others: Manifest[] = [
      { ...manifest, files: [first, { ...second, sha256: '3'.repeat(64) }] },
      { ...manifest, files: [first, { ...second, path: 'other.yaml' }] },
      { ...manifest, version: '2' },
      { ...manifest, files: [first] },
      { ...manifest, files: [first, second, { ...first, path: 'x' }] },
    ];
    for (const other of others) expect(() => verify(signature, other)).toThrow('signs other files');
  });

  test('a statement whose digest is not that of its files is refused, though it is signed', () => {
    const bundle = JSON.parse(signature) as Bundle;
    const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8')) as {
      subject: [{ digest: { sha256: string } }];
    };
    statement.subject[0].digest.sha256 = '0'.repeat(64);
    const payload = Buffer.from(JSON.stringify(statement));
    const type = bundle.dsseEnvelope.payloadType;
    const bytes = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
    bundle.dsseEnvelope.payload = payload.toString('base64');
    const hash = keys === p256 ? 'sha256' : null;
    bundle.dsseEnvelope.signatures[0].sig = sign(hash, bytes, keys.privateKey).toString('base64');
    expect(() => verify(JSON.stringify(bundle))).toThrow('not that of its files');
  });
});

test.each([
  ['no JSON', 'x'],
  ['another layout', '{"mediaType":"x"}'],
])('%s is no signature', (_, text) => {
  expect(() => verifySignature(Buffer.from(text), manifest, [ed25519.publicKey])).toThrow('model.sig: ');
});

test('other kinds of keys are refused', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  for (const { publicKey, privateKey } of [rsa, p384]) {
    expect(() => readPublicKey(publicKey.export({ type: 'spki', format: 'pem' }).toString())).toThrow('Ed25519 or ECDSA P-256'); // prettier-ignore
    expect(() => signManifest(manifest, privateKey)).toThrow('Ed25519 or ECDSA P-256');
  }
});

test('what the OpenSSF tool (model-signing 1.1.1) signed is verified', async () => {
  const fixtures = join(__dirname, 'testing/fixtures');
  const key = readPublicKey(await readFile(join(fixtures, 'openssf.pub'), 'utf8'));
  const trust = { keys: [key], requireManifest: true, requireSignature: true };
  const verified = await verifyVersion(join(fixtures, 'openssf-signed'), trust);
  expect(verified?.manifest.name).toBe('openssf-signed');
});
