import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  decrypt,
  encrypt,
  encryptedSize,
  newEnvelope,
  openEnvelope,
  readEncryptionKey,
} from './encryption.ts';
import { collect } from './storage.ts';

const CHUNK = 256 * 1024;
const STORED = CHUNK + 16;
const key = randomBytes(32);

async function* inParts(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function encrypted(plain: Buffer, part = 60_000): Promise<Buffer> {
  return collect(encrypt(inParts(plain, part), key, 'w.bin'));
}

function decrypted(stored: Buffer, path = 'w.bin', dataKey = key): Promise<Buffer> {
  return collect(decrypt(inParts(stored, 70_001), dataKey, path));
}

test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])(
  '%i bytes come back, however they are cut',
  async (size) => {
    const plain = randomBytes(size);
    const stored = await encrypted(plain);
    expect(stored.length).toBe(encryptedSize(size));
    expect((await decrypted(stored)).equals(plain)).toBe(true);
  },
);

describe('content that was tampered with', () => {
  const plain = randomBytes(3 * CHUNK);
  let stored: Buffer;
  beforeAll(async () => {
    stored = await encrypted(plain);
  });
  const chunk = (number: number) => stored.subarray(16 + number * STORED, 16 + (number + 1) * STORED);
  const head = () => stored.subarray(0, 16);

  test('a missing end is noticed, also at the border of a chunk', async () => {
    await expect(decrypted(stored.subarray(0, -1))).rejects.toThrow('cut or changed');
    await expect(decrypted(stored.subarray(0, 16 + 2 * STORED))).rejects.toThrow('cut or changed');
    await expect(decrypted(head())).rejects.toThrow('cut');
    await expect(decrypted(Buffer.alloc(0))).rejects.toThrow('cut');
  });

  test('chunks in another order, doubled or left out are noticed', async () => {
    for (const order of [
      [1, 0, 2],
      [0, 0, 1, 2],
      [0, 2],
    ])
      await expect(decrypted(Buffer.concat([head(), ...order.map(chunk)]))).rejects.toThrow('cut or changed');
  });

  test('a flipped bit, another file and another key are noticed', async () => {
    const flipped = Buffer.from(stored);
    flipped.writeUInt8(flipped.readUInt8(STORED + 100) ^ 1, STORED + 100);
    await expect(decrypted(flipped)).rejects.toThrow('cut or changed');
    await expect(decrypted(stored, 'v.bin')).rejects.toThrow('cut or changed');
    await expect(decrypted(stored, 'w.bin', randomBytes(32))).rejects.toThrow('cut or changed');
  });
});

test('an envelope opens with its key and for its manifest only', () => {
  const { text, dataKey } = newEnvelope(key, 'sha256:a');
  expect(openEnvelope(key, Buffer.from(text), 'sha256:a').equals(dataKey)).toBe(true);
  expect(() => openEnvelope(key, Buffer.from(text), 'sha256:b')).toThrow('another version');
  expect(() => openEnvelope(randomBytes(32), Buffer.from(text), 'sha256:a')).toThrow('wrapped by the key');
});

test('a key file holds 32 bytes as base64', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'key-'));
  await writeFile(join(dir, 'good'), `${key.toString('base64')}\n`);
  await writeFile(join(dir, 'short'), 'c2hvcnQ=');
  expect(readEncryptionKey(join(dir, 'good')).equals(key)).toBe(true);
  expect(() => readEncryptionKey(join(dir, 'short'))).toThrow('32 bytes');
  await rm(dir, { recursive: true });
});
