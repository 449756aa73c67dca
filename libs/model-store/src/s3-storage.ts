import { randomUUID } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import { z } from 'zod';
import { AppError } from '@frontier/contracts/errors';
import { bodyOf, retrying, send, unexpected, type HttpRequest } from './http.ts';
import { isContained, MAX_DOCUMENT_BYTES, MAX_FILES } from './manifest.ts';
import type { VersionName } from './model-repository.ts';
import { atMost, collect, type OpenVersion, type Storage, type StoredFile } from './storage.ts';

export interface S3Options {
  /** Of the service, without the bucket: `https://s3.example.org`. */
  endpoint: string;
  bucket: string;
  /** Before all keys; without slashes at its ends. */
  prefix: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** What S3 takes in one call. */
const MAX_PUT_BYTES = 5 * 1024 ** 3;
const MAX_VERSIONS = 100_000;

const pointerSchema = z.strictObject({
  content: z.uuid(),
  paths: z.array(z.string().refine(isContained)).max(MAX_FILES + 3),
});

/**
 * Files lie under `content/<upload>/`; a version exists as soon as its pointer `versions/<name>/<version>` does,
 * which is written last and only where there is none. So two uploads cannot mix, and half a one is never seen.
 */
export class S3Storage implements Storage {
  readonly location: string;
  readonly #options: S3Options;

  constructor(options: S3Options) {
    this.#options = options;
    this.location = `${options.endpoint}/${options.bucket}/${options.prefix}`;
  }

  async list(signal?: AbortSignal): Promise<VersionName[]> {
    const prefix = this.#key('versions/');
    const found: VersionName[] = [];
    let token: string | undefined;
    do {
      const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix });
      if (token !== undefined) query.set('continuation-token', token);
      const xml = await this.#text({ method: 'GET', url: `${this.#bucket()}?${query.toString()}` }, signal);
      for (const key of tags(xml, 'Key')) {
        const [name, version, ...more] = decodeURIComponent(key).slice(prefix.length).split('/');
        if (name && version && more.length === 0) found.push({ name, version });
      }
      if (found.length > MAX_VERSIONS) throw new AppError('UPSTREAM_ERROR', `more than ${MAX_VERSIONS} versions in ${this.location}`); // prettier-ignore
      token = tags(xml, 'NextContinuationToken')[0];
    } while (token !== undefined);
    return found;
  }

  async open(version: VersionName, signal?: AbortSignal): Promise<OpenVersion | undefined> {
    const pointer = await this.#pointer(version, signal);
    if (!pointer) return undefined;
    const paths = new Set(pointer.paths);
    return {
      has: (path) => paths.has(path),
      read: (path, maxBytes) => this.#read(`content/${pointer.content}/${path}`, maxBytes, signal),
    };
  }

  async commit(
    version: VersionName,
    files: readonly StoredFile[],
    manifest: StoredFile,
    signal?: AbortSignal,
  ): Promise<void> {
    if (await this.#pointer(version, signal)) throw exists(version);
    const content = randomUUID();
    const all = [...files, manifest];
    for (const file of all) {
      if (file.size > MAX_PUT_BYTES) throw new AppError('PAYLOAD_TOO_LARGE', `${file.path}: S3 takes at most 5 GiB a file; split its external data`); // prettier-ignore
      await this.#put(`content/${content}/${file.path}`, file, {}, signal);
    }
    const text = Buffer.from(JSON.stringify({ content, paths: all.map((file) => file.path) }));
    const pointer = { size: text.length, read: () => once(text) };
    const taken = !(await this.#put(pointerKey(version), pointer, { 'if-none-match': '*' }, signal));
    // A first attempt whose answer was lost may have been ours.
    if (taken && (await this.#pointer(version, signal))?.content !== content) {
      await Promise.allSettled(all.map((file) => this.#delete(`content/${content}/${file.path}`)));
      throw exists(version);
    }
  }

  async #pointer(
    version: VersionName,
    signal?: AbortSignal,
  ): Promise<z.output<typeof pointerSchema> | undefined> {
    // prettier-ignore
    const request = { method: 'GET' as const, url: this.#url(pointerKey(version)) };
    const bytes = await retrying(async () => {
      const response = await this.#send(request, signal);
      if (response.status === 404) return undefined;
      if (response.status !== 200) throw await unexpected(response, `reading ${version.name}@${version.version}`); // prettier-ignore
      return collect(atMost(bodyOf(response), MAX_DOCUMENT_BYTES, pointerKey(version)));
    }, signal);
    return bytes && pointerSchema.parse(JSON.parse(bytes.toString('utf8')));
  }

  async *#read(key: string, maxBytes: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const request = { method: 'GET' as const, url: this.#url(key), expectedBytes: maxBytes };
    const response = await retrying(() => this.#send(request, signal), signal);
    if (response.status !== 200) throw await unexpected(response, `reading ${key}`);
    yield* atMost(bodyOf(response), maxBytes, key);
  }

  /** False: the condition of the headers does not hold. */
  #put(
    key: string,
    body: Pick<StoredFile, 'size' | 'read'>,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    // prettier-ignore
    return retrying(async () => {
      const response = await this.#send({ method: 'PUT', url: this.#url(key), headers, body }, signal);
      if (response.status === 412) return false;
      // Two conditional writes met: who comes again is told by 412.
      if (response.status === 409) throw new AppError('UNAVAILABLE', `writing ${key}: conflict`);
      if (response.status !== 200) throw await unexpected(response, `writing ${key}`);
      await response.body?.cancel();
      return true;
    }, signal);
  }

  async #delete(key: string): Promise<void> {
    await (await this.#send({ method: 'DELETE', url: this.#url(key) })).body?.cancel();
  }

  #text(request: HttpRequest, signal?: AbortSignal): Promise<string> {
    return retrying(async () => {
      const response = await this.#send(request, signal);
      if (response.status !== 200) throw await unexpected(response, 'listing');
      return (await collect(atMost(bodyOf(response), MAX_DOCUMENT_BYTES, 'list'))).toString('utf8');
    }, signal);
  }

  async #send(request: HttpRequest, signal?: AbortSignal): Promise<Response> {
    const { region, accessKeyId, secretAccessKey } = this.#options;
    const { method, url, headers = {} } = request;
    const signer = new AwsV4Signer({ method, url, headers, service: 's3', region, accessKeyId, secretAccessKey }); // prettier-ignore
    const signed = await signer.sign();
    return send({ ...request, url: String(signed.url), headers: Object.fromEntries(signed.headers) }, signal);
  }

  #bucket(): string {
    return `${this.#options.endpoint}/${this.#options.bucket}`;
  }

  #key(key: string): string {
    return this.#options.prefix === '' ? key : `${this.#options.prefix}/${key}`;
  }

  #url(key: string): string {
    return `${this.#bucket()}/${this.#key(key).split('/').map(encodeURIComponent).join('/')}`;
  }
}

function pointerKey({ name, version }: VersionName): string {
  return `versions/${name}/${version}`;
}

function exists({ name, version }: VersionName): AppError {
  return new AppError('CONFLICT', `${name}@${version} exists; publish the change as a new version`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Contents of all elements of this name: enough for the one answer that is read here. */
function tags(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) =>
    text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );
}
