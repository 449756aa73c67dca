import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, serve, type TestServer } from './s3-server.ts';

export const OCI_CREDENTIALS = { username: 'robot', password: 'secret' };

/** What a registry holds: blobs by digest, tags with their manifests. */
export interface OciContent {
  blobs: Map<string, Buffer>;
  tags: Map<string, Buffer>;
  /** Whether a tag may be written once only, as many registries can be set to. */
  immutableTags: boolean;
}

export function emptyRegistry(): OciContent {
  return { blobs: new Map(), tags: new Map(), immutableTags: true };
}

/**
 * A small server of our own that does for these tests what a registry does by the OCI distribution specification:
 * bearer tokens by challenge, chunked uploads, digests checked, manifests only with all their blobs, tags in pages.
 */
export async function startOci(content: OciContent): Promise<TestServer> {
  const uploads = new Map<string, Buffer>();
  const token = randomUUID();
  const server: TestServer = await serve((request, response, body) => {
    const url = new URL(request.url ?? '', server.url);
    if (url.pathname === '/token') return giveToken(request, response, token);
    if (request.headers.authorization !== `Bearer ${token}`) {
      const challenge = `Bearer realm="${server.url}/token",service="test",scope="repository:models:pull,push"`;
      return answer(response, 401, '', { 'www-authenticate': challenge });
    }
    const path = url.pathname.slice('/v2/models'.length);
    if (path.startsWith('/blobs/uploads/')) return upload(content, uploads, request, response, url, body);
    if (path.startsWith('/blobs/')) return give(response, content.blobs.get(path.slice('/blobs/'.length)));
    if (path === '/tags/list') return listTags(content, response, url);
    const tag = path.slice('/manifests/'.length);
    if (request.method === 'PUT') return putManifest(content, tag, response, body);
    return give(response, content.tags.get(tag));
  });
  return server;
}

function giveToken(request: IncomingMessage, response: ServerResponse, token: string): void {
  const { username, password } = OCI_CREDENTIALS;
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  if (request.headers.authorization !== expected) return answer(response, 401);
  answer(response, 200, JSON.stringify({ token }));
}

function give(response: ServerResponse, bytes: Buffer | undefined): void {
  answer(response, bytes ? 200 : 404, bytes);
}

function upload(
  content: OciContent,
  uploads: Map<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: Buffer,
): void {
  if (request.method === 'POST') {
    const id = randomUUID();
    uploads.set(id, Buffer.alloc(0));
    return answer(response, 202, '', { location: `/v2/models/blobs/uploads/${id}?state=1` });
  }
  const id = url.pathname.split('/').at(-1) ?? '';
  const before = uploads.get(id);
  if (!before) return answer(response, 404);
  if (request.method === 'PATCH') {
    const range = `${before.length}-${before.length + body.length - 1}`;
    if (request.headers['content-range'] !== range) return answer(response, 416);
    uploads.set(id, Buffer.concat([before, body]));
    return answer(response, 202, '', { location: `/v2/models/blobs/uploads/${id}?state=2` });
  }
  const digest = `sha256:${createHash('sha256').update(before).digest('hex')}`;
  if (url.searchParams.get('digest') !== digest) return answer(response, 400, 'DIGEST_INVALID');
  content.blobs.set(digest, before);
  uploads.delete(id);
  answer(response, 201, '', { location: `/v2/models/blobs/${digest}` });
}

function listTags(content: OciContent, response: ServerResponse, url: URL): void {
  const tags = [...content.tags.keys()].sort();
  const last = url.searchParams.get('last');
  const from = last === null ? 0 : tags.indexOf(last) + 1;
  const page = tags.slice(from, from + 2);
  const headers: Record<string, string> = {};
  if (from + 2 < tags.length) headers['link'] = `</v2/models/tags/list?n=2&last=${page.at(-1)}>; rel="next"`;
  answer(response, 200, JSON.stringify({ name: 'models', tags: page }), headers);
}

function putManifest(content: OciContent, tag: string, response: ServerResponse, body: Buffer): void {
  if (content.immutableTags && content.tags.has(tag)) return answer(response, 412, 'tag is immutable');
  const image = JSON.parse(body.toString('utf8')) as {
    config: { digest: string };
    layers: Array<{ digest: string }>;
  };
  const blobs = [image.config, ...image.layers];
  if (!blobs.every(({ digest }) => content.blobs.has(digest)))
    return answer(response, 400, 'MANIFEST_BLOB_UNKNOWN');
  content.tags.set(tag, body);
  answer(response, 201);
}
