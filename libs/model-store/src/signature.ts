import {
  createHash,
  createPublicKey,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';
import { digestOf, MANIFEST, manifestText, SIGNATURE, type Manifest } from './manifest.ts';

/*
 * Layout of OpenSSF model signing 1.0: a Sigstore bundle (v0.3) with a DSSE envelope around an in-toto statement.
 * The subject's digest is the SHA-256 of all files' digests (raw bytes) in the order of `resources`.
 */
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PAYLOAD = 'application/vnd.in-toto+json';
const STATEMENT = 'https://in-toto.io/Statement/v1';
const PREDICATE = 'https://model_signing/signature/v1.0';

const base64 = z.base64().max(8 * 1024 * 1024);
const hex = z.string().regex(/^[0-9a-f]{64}$/);

const bundleSchema = z.object({
  mediaType: z.literal(BUNDLE),
  verificationMaterial: z.object({ publicKey: z.object({ hint: z.string().max(256).nullish() }) }),
  dsseEnvelope: z.object({
    payload: base64,
    payloadType: z.literal(PAYLOAD),
    signatures: z.array(z.object({ sig: base64 })).length(1),
  }),
});

const statementSchema = z.object({
  _type: z.literal(STATEMENT),
  predicateType: z.literal(PREDICATE),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: hex }) })).length(1),
  predicate: z.object({
    serialization: z.object({ method: z.literal('files'), hash_type: z.literal('sha256') }),
    resources: z.array(z.object({ name: z.string(), algorithm: z.literal('sha256'), digest: hex })),
  }),
});

/** The text of `model.sig`: signs the manifest and each file that it lists. The key is Ed25519 or ECDSA P-256. */
export function signManifest(manifest: Manifest, key: KeyObject): string {
  checkKey(key);
  const resources = resourcesOf(manifest);
  const statement = {
    _type: STATEMENT,
    subject: [{ name: `${manifest.name}@${manifest.version}`, digest: { sha256: rootOf(resources) } }],
    predicateType: PREDICATE,
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: [SIGNATURE],
      },
      resources,
    },
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = signBytes(hashFor(key), encode(payload), key).toString('base64');
  const bundle = {
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: hintOf(createPublicKey(key)) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: PAYLOAD,
      signatures: [{ sig, keyid: '' }],
    },
  };
  return `${JSON.stringify(bundle)}\n`;
}

/** Throws unless one of the keys signed exactly this manifest and its files. */
export function verifySignature(signature: Uint8Array, manifest: Manifest, keys: readonly KeyObject[]): void {
  const bundle = parse(bundleSchema, signature);
  const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64');
  const sig = Buffer.from(bundle.dsseEnvelope.signatures[0]?.sig ?? '', 'base64');
  // The hint is not trusted: it only names a key, and every trusted key is tried.
  if (!keys.some((key) => verifyBytes(hashFor(key), encode(payload), key, sig)))
    throw new Error(`${SIGNATURE}: not signed by a trusted key (it names ${bundle.verificationMaterial.publicKey.hint ?? 'none'})`); // prettier-ignore
  const { subject, predicate } = parse(statementSchema, payload);
  if (subject[0]?.digest.sha256 !== rootOf(predicate.resources))
    throw new Error(`${SIGNATURE}: its digest is not that of its files`);
  const signed = predicate.resources.map(({ name, digest }) => `${digest} ${name}`).sort();
  const expected = resourcesOf(manifest).map(({ name, digest }) => `${digest} ${name}`).sort(); // prettier-ignore
  if (signed.join('\n') !== expected.join('\n'))
    throw new Error(`${SIGNATURE}: signs other files than these`);
}

/** A public key from PEM; a private one gives its public half. Throws for other kinds than Ed25519 and P-256. */
export function readPublicKey(pem: string): KeyObject {
  const key = createPublicKey(pem);
  checkKey(key);
  return key;
}

interface Resource {
  name: string;
  algorithm: 'sha256';
  digest: string;
}

function resourcesOf(manifest: Manifest): Resource[] {
  const own = { path: MANIFEST, sha256: digestOf(manifestText(manifest)).slice('sha256:'.length) };
  return [...manifest.files, own]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, sha256 }) => ({ name: path, algorithm: 'sha256', digest: sha256 }));
}

function rootOf(resources: readonly Resource[]): string {
  const hash = createHash('sha256');
  for (const { digest } of resources) hash.update(Buffer.from(digest, 'hex'));
  return hash.digest('hex');
}

/** DSSE's pre-authentication encoding. */
function encode(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD.length} ${PAYLOAD} ${payload.length} `), payload]);
}

function hintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'pem' }))
    .digest('hex');
}

function hashFor(key: KeyObject): 'sha256' | null {
  return key.asymmetricKeyType === 'ec' ? 'sha256' : null;
}

function checkKey(key: KeyObject): void {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ed25519') return;
  if (key.asymmetricKeyType !== 'ec' || curve !== 'prime256v1')
    throw new Error('the key must be Ed25519 or ECDSA P-256');
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${SIGNATURE}: ${reason}`, { cause: error });
  }
}
