import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type InputType, type ZlibOptions } from 'node:zlib';
import { AppError } from '@frontier/contracts/errors';
import { invalid } from '../pipeline/invalid.ts';

const MiB = 1024 * 1024;
/** A body may inflate to this many times its size, or to 1 MiB: what is beyond is a bomb. */
const MAX_RATIO = 100;

type Inflate = (bytes: InputType, options: ZlibOptions) => Promise<Buffer>;

const INFLATE: Record<string, Inflate> = {
  gzip: promisify<InputType, ZlibOptions, Buffer>(gunzip),
  deflate: promisify<InputType, ZlibOptions, Buffer>(inflate),
  br: promisify<InputType, ZlibOptions, Buffer>(brotliDecompress),
};

/**
 * The whole body, inflated if it is encoded. Throws PAYLOAD_TOO_LARGE as soon as the limit is passed, at once when
 * the declared length says so; the rest is not read. Throws INVALID_INPUT for an unknown or broken encoding.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity';
  const decode = encoding === 'identity' ? undefined : INFLATE[encoding];
  if (!decode && encoding !== 'identity') {
    throw invalid('Content-Encoding: one of gzip, deflate, br, identity', { field: 'Content-Encoding' });
  }
  const body = await collect(request, maxBytes);
  return decode ? inflated(decode, body, maxBytes) : body;
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      parts.push(part);
      if (bytes <= maxBytes) return;
      request.removeAllListeners('data');
      request.pause();
      reject(tooLarge(maxBytes));
    });
    request.on('end', () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    request.on('error', (cause) => reject(new AppError('CANCELLED', 'the caller has gone', { cause })));
  });
}

async function inflated(decode: Inflate, body: Buffer, maxBytes: number): Promise<Buffer> {
  const maxOutputLength = Math.min(maxBytes, Math.max(body.length * MAX_RATIO, MiB));
  try {
    return await decode(body, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxOutputLength);
    throw invalid('the body is not encoded as Content-Encoding says', { field: 'Content-Encoding' });
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `the body is over ${maxBytes} bytes`, {
    details: { max_bytes: maxBytes },
  });
}
