import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ENVELOPE } from './manifest.ts';

/*
 * Each version has a data key of its own, kept in the envelope, wrapped by the key-encryption key and bound to the
 * digest of the manifest. A file is `salt (16) ‖ chunks`, a chunk the ciphertext of at most 256 KiB and its tag; its
 * nonce is its number and whether it is the last one, so chunks that are missing, doubled or in another order fail.
 * The file's key follows from data key, salt and path, so files cannot be exchanged either.
 */
const CHUNK = 256 * 1024;
const TAG = 16;
const SALT = 16;
const NONCE = 12;

const envelopeSchema = z.strictObject({
  schema: z.literal('frontier.model-encryption/v1'),
  algorithm: z.literal('AES-256-GCM'),
  /** Which key-encryption key; not secret. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  wrapped: z.base64().length(80),
});

/** A key-encryption key: 32 bytes as base64 in a file (`openssl rand -base64 32`). */
export function readEncryptionKey(file: string): Buffer {
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  if (key.length !== 32) throw new Error(`${file}: must hold 32 bytes as base64 (openssl rand -base64 32)`);
  return key;
}

/** A new data key and the envelope that keeps it. */
export function newEnvelope(key: Buffer, digest: string): { text: string; dataKey: Buffer } {
  const dataKey = randomBytes(32);
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(digest));
  const wrapped = Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
  const envelope = {
    schema: 'frontier.model-encryption/v1',
    algorithm: 'AES-256-GCM',
    keyId: idOf(key),
    wrapped: wrapped.toString('base64'),
  };
  return { text: `${JSON.stringify(envelope)}\n`, dataKey };
}

/** The data key of an envelope. Throws where it was wrapped by another key or for another manifest. */
export function openEnvelope(key: Buffer, envelope: Uint8Array, digest: string): Buffer {
  const { keyId, wrapped } = envelopeSchema.parse(JSON.parse(Buffer.from(envelope).toString('utf8')));
  if (keyId !== idOf(key)) throw new Error(`${ENVELOPE}: wrapped by the key ${keyId}, given is ${idOf(key)}`);
  const bytes = Buffer.from(wrapped, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE))
    .setAAD(Buffer.from(digest))
    .setAuthTag(bytes.subarray(-TAG));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
  } catch (error) {
    throw new Error(`${ENVELOPE}: was made for another version, or is damaged`, { cause: error });
  }
}

/** Bytes that a file of so many bytes has when it is encrypted. */
export function encryptedSize(size: number): number {
  return SALT + size + TAG * Math.max(1, Math.ceil(size / CHUNK));
}

export async function* encrypt(
  plain: AsyncIterable<Uint8Array>,
  dataKey: Buffer,
  path: string,
): AsyncGenerator<Buffer> {
  // prettier-ignore
  const salt = randomBytes(SALT);
  const key = fileKey(dataKey, salt, path);
  yield salt;
  let number = 0;
  for await (const { piece, last } of pieces(plain, CHUNK)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number, last));
    number += 1;
    yield Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
  }
}

/** Throws for content that is cut, out of order, of another file or changed; no such chunk is given out. */
export async function* decrypt(
  stored: AsyncIterable<Uint8Array>,
  dataKey: Buffer,
  path: string,
): AsyncGenerator<Buffer> {
  // prettier-ignore
  const source = new Source(stored);
  const salt = await source.take(SALT);
  if (salt.length < SALT) throw new Error(`${path}: encrypted content is cut`);
  const key = fileKey(dataKey, salt, path);
  let number = 0;
  for await (const { piece, last } of source.pieces(CHUNK + TAG)) {
    yield decryptChunk(key, nonceOf(number, last), piece, path);
    number += 1;
  }
}

function decryptChunk(key: Buffer, nonce: Buffer, piece: Buffer, path: string): Buffer {
  if (piece.length < TAG) throw new Error(`${path}: encrypted content is cut`);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAuthTag(piece.subarray(-TAG));
  try {
    return Buffer.concat([decipher.update(piece.subarray(0, -TAG)), decipher.final()]);
  } catch (error) {
    throw new Error(`${path}: encrypted content is cut or changed`, { cause: error });
  }
}

function fileKey(dataKey: Buffer, salt: Buffer, path: string): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, salt, path, 32));
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE);
  nonce.writeUInt32BE(number, NONCE - 5);
  nonce[NONCE - 1] = last ? 1 : 0;
  return nonce;
}

function idOf(key: Buffer): string {
  return createHash('sha256').update('frontier key id').update(key).digest('hex').slice(0, 16);
}

function pieces(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Piece> {
  return new Source(source).pieces(size);
}

interface Piece {
  piece: Buffer;
  last: boolean;
}

/** Cuts a stream anew, whatever its chunks were. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes; fewer at the end of the stream. */
  async take(size: number): Promise<Buffer> {
    const parts: Buffer[] = [this.#rest];
    let length = this.#rest.length;
    while (length < size) {
      const next = await this.#chunks.next();
      if (next.done) break;
      parts.push(Buffer.from(next.value));
      length += next.value.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(size);
    return all.subarray(0, size);
  }

  /** All that follows, at least one piece. The stream is let go when its reader stops early. */
  async *pieces(size: number): AsyncGenerator<Piece> {
    try {
      let piece = await this.take(size);
      for (;;) {
        const next = await this.take(size);
        const last = next.length === 0;
        yield { piece, last };
        if (last) return;
        piece = next;
      }
    } finally {
      await this.#chunks.return?.();
    }
  }
}
