import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestServer {
  url: string;
  /** Answers the next calls whose method and path begin like this with a status; then all is as before. */
  failNext(callsLike: string, status: number, times: number): void;
  calls: string[];
  stop(): Promise<void>;
}

export const S3_ACCESS = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' };

/**
 * A small server of our own that does for these tests what S3 does: path-style objects of one bucket in memory,
 * Signature Version 4 checked, lengths required, `If-None-Match: *`, ListObjectsV2 in pages of two.
 */
export async function startS3(objects: Map<string, Buffer>): Promise<TestServer> {
  return serve(async (request, response, body) => {
    const url = new URL(request.url ?? '', 'http://s3');
    if (!signed(request, url))
      return answer(response, 403, '<Error><Code>SignatureDoesNotMatch</Code></Error>');
    const key = decodeURIComponent(url.pathname).slice('/models/'.length);
    if (request.method === 'PUT') return put(objects, key, request, response, body);
    if (request.method === 'DELETE') return answer(response, objects.delete(key) ? 204 : 404);
    if (url.searchParams.get('list-type') === '2') return answer(response, 200, page(objects, url));
    const found = objects.get(key);
    return found
      ? answer(response, 200, found)
      : answer(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
  });
}

function put(
  objects: Map<string, Buffer>,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): void {
  // prettier-ignore
  if (request.headers['content-length'] === undefined)
    return answer(response, 411, '<Error><Code>MissingContentLength</Code></Error>');
  if (request.headers['if-none-match'] === '*' && objects.has(key))
    return answer(response, 412, '<Error><Code>PreconditionFailed</Code></Error>');
  objects.set(key, body);
  answer(response, 200);
}

const PAGE = 2;

function page(objects: Map<string, Buffer>, url: URL): string {
  const prefix = url.searchParams.get('prefix') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  const from = Number(url.searchParams.get('continuation-token') ?? 0);
  const contents = keys
    .slice(from, from + PAGE)
    .map((key) => `<Contents><Key>${encodeURIComponent(key)}</Key></Contents>`)
    .join('');
  const next = from + PAGE;
  const more = next < keys.length ? `<NextContinuationToken>${next}</NextContinuationToken>` : '';
  return `<ListBucketResult>${contents}${more}</ListBucketResult>`;
}

/** Recomputes the signature from the request as it came. */
function signed(request: IncomingMessage, url: URL): boolean {
  const match = /Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)/.exec(request.headers.authorization ?? ''); // prettier-ignore
  const [, id, day = '', region = '', names = '', signature] = match ?? [];
  if (id !== S3_ACCESS.accessKeyId) return false;
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join(''); // prettier-ignore
  const query = [...url.searchParams]
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .sort()
    .join('&');
  const payload = String(request.headers['x-amz-content-sha256']);
  const canonical = [request.method, url.pathname, query, headers, names, payload].join('\n');
  const date = String(request.headers['x-amz-date']);
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const hmac = (key: string | Buffer, value: string) => createHmac('sha256', key).update(value).digest();
  const signingKey = [region, 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${S3_ACCESS.secretAccessKey}`, day)); // prettier-ignore
  return hmac(signingKey, text).toString('hex') === signature;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`); // prettier-ignore
}

export function answer(
  response: ServerResponse,
  status: number,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): void {
  // prettier-ignore
  response.writeHead(status, { 'x-request-id': randomUUID(), ...headers }).end(body);
}

export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void | Promise<void>,
): Promise<TestServer> {
  const calls: string[] = [];
  let failure = { like: '', status: 0, times: 0 };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = `${request.method} ${request.url}`;
      calls.push(call);
      if (failure.times > 0 && call.startsWith(failure.like)) {
        failure.times -= 1;
        return answer(response, failure.status);
      }
      void handle(request, response, Buffer.concat(chunks));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    failNext: (like, status, times) => {
      failure = { like, status, times };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
