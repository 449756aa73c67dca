import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '@frontier/contracts/errors';
import { bodyOf, retrying, unexpected, type HttpRequest } from './http.ts';
import { isContained, MAX_DOCUMENT_BYTES, MAX_FILES } from './manifest.ts';
import type { VersionName } from './model-repository.ts';
import { OciAccess, type OciCredentials } from './oci-access.ts';
import { atMost, collect, type OpenVersion, type Storage, type StoredFile } from './storage.ts';

export interface OciOptions {
  /** `https://registry.example.org`. */
  registry: string;
  /** One repository holds all models: tags can be listed everywhere, repositories cannot. */
  repository: string;
  credentials?: OciCredentials;
}

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const ARTIFACT_TYPE = 'application/vnd.frontier.model.v1';
const EMPTY = Buffer.from('{}');
const TITLE = 'org.opencontainers.image.title';
const MAX_TAG = 128;
const MAX_PAGES = 1000;

const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.int().min(0),
});
const imageSchema = z.object({
  artifactType: z.literal(ARTIFACT_TYPE),
  layers: z
    .array(descriptorSchema.extend({ annotations: z.object({ [TITLE]: z.string().refine(isContained) }) }))
    .max(MAX_FILES + 3),
});

/**
 * Tag `<name>__<version>` of one repository; a layer is a file. The tag is written last. Registries have no
 * conditional write of tags: that two publishers cannot overwrite each other needs a registry with immutable tags;
 * elsewhere the loser is told where it reads back what the other one wrote.
 */
export class OciStorage implements Storage {
  readonly location: string;
  readonly #base: string;
  readonly #access: OciAccess;

  constructor(options: OciOptions) {
    this.#base = `${options.registry}/v2/${options.repository}`;
    this.location = `${options.registry}/${options.repository}`;
    this.#access = new OciAccess(options.registry, options.credentials);
  }

  async list(signal?: AbortSignal): Promise<VersionName[]> {
    const found: VersionName[] = [];
    let url: string | undefined = `${this.#base}/tags/list?n=1000`;
    for (let page = 0; url !== undefined && page < MAX_PAGES; page += 1) {
      const response = await this.#call({ method: 'GET', url }, signal);
      if (response.status === 404) return [];
      if (response.status !== 200) throw await unexpected(response, 'listing tags');
      const { tags } = z.object({ tags: z.array(z.string()).nullish() }).parse(await json(response));
      for (const tag of tags ?? []) {
        const [name, version, ...more] = tag.split('__');
        if (name && version && more.length === 0) found.push({ name, version });
      }
      const next: string | undefined = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1]; // prettier-ignore
      url = next === undefined ? undefined : String(new URL(next, this.#base));
    }
    return found;
  }

  async open(version: VersionName, signal?: AbortSignal): Promise<OpenVersion | undefined> {
    const response = await this.#call({ method: 'GET', url: this.#tagUrl(version), headers: { accept: MANIFEST_TYPE } }, signal); // prettier-ignore
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw await unexpected(response, `reading tag ${tagOf(version)}`);
    const image = imageSchema.safeParse(await json(response));
    if (!image.success) throw new AppError('UPSTREAM_ERROR', `${this.location}:${tagOf(version)} is no model: ${z.prettifyError(image.error)}`); // prettier-ignore
    const digests = new Map(image.data.layers.map((layer) => [layer.annotations[TITLE], layer.digest]));
    return {
      has: (path) => digests.has(path),
      read: (path, maxBytes) => this.#read(digests.get(path) ?? path, maxBytes, signal),
    };
  }

  async commit(
    version: VersionName,
    files: readonly StoredFile[],
    manifest: StoredFile,
    signal?: AbortSignal,
  ): Promise<void> {
    if (await this.#tagged(version, signal)) throw exists(version);
    const layers = [];
    for (const file of [...files, manifest]) {
      const digest = await this.#upload(file, signal);
      layers.push({ mediaType: 'application/octet-stream', digest, size: file.size, annotations: { [TITLE]: file.path } }); // prettier-ignore
    }
    const config = await this.#upload(
      { path: 'config', size: EMPTY.length, read: () => once(EMPTY) },
      signal,
    );
    const image = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        artifactType: ARTIFACT_TYPE,
        config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: config, size: EMPTY.length },
        layers,
      }),
    );
    await this.#tag(version, image, signal);
  }

  async #tag(version: VersionName, image: Buffer, signal?: AbortSignal): Promise<void> {
    const headers = { 'content-type': MANIFEST_TYPE };
    const body = { size: image.length, read: () => once(image) };
    if (await this.#tagged(version, signal)) throw exists(version);
    const response = await this.#call({ method: 'PUT', url: this.#tagUrl(version), headers, body }, signal);
    const ours = (await this.#tagged(version, signal)) === sha256(image);
    if (ours) {
      await response.body?.cancel();
      return;
    }
    if (response.status === 201 || (await this.#tagged(version, signal))) throw exists(version);
    throw await unexpected(response, `writing tag ${tagOf(version)}`);
  }

  /** The digest that a tag names. */
  async #tagged(version: VersionName, signal?: AbortSignal): Promise<string | undefined> {
    const request = {
      method: 'GET' as const,
      url: this.#tagUrl(version),
      headers: { accept: MANIFEST_TYPE },
    };
    const response = await this.#call(request, signal);
    if (response.status === 200) return sha256(await collect(atMost(bodyOf(response), MAX_DOCUMENT_BYTES, 'tag'))); // prettier-ignore
    if (response.status !== 404) throw await unexpected(response, `reading tag ${tagOf(version)}`);
    await response.body?.cancel();
    return undefined;
  }

  /** A new attempt begins a new upload: what an interrupted one holds is unknown. */
  #upload(file: StoredFile, signal?: AbortSignal): Promise<string> {
    return retrying(async () => {
      const begun = await this.#access.send({ method: 'POST', url: `${this.#base}/blobs/uploads/`, body: NOTHING }, signal); // prettier-ignore
      if (begun.status !== 202) throw await unexpected(begun, `uploading ${file.path}`);
      await begun.body?.cancel();
      const hash = createHash('sha256');
      let place = this.#locationOf(begun);
      if (file.size > 0) {
        const headers = { 'content-type': 'application/octet-stream', 'content-range': `0-${file.size - 1}` };
        const body = { size: file.size, read: () => hashing(file.read(), hash) };
        const sent = await this.#access.send({ method: 'PATCH', url: place, headers, body }, signal);
        if (sent.status !== 202) throw await unexpected(sent, `uploading ${file.path}`);
        await sent.body?.cancel();
        place = this.#locationOf(sent);
      }
      const digest = `sha256:${hash.digest('hex')}`;
      const last = new URL(place);
      last.searchParams.set('digest', digest);
      const ended = await this.#access.send({ method: 'PUT', url: String(last), body: NOTHING }, signal);
      if (ended.status !== 201) throw await unexpected(ended, `uploading ${file.path}`);
      await ended.body?.cancel();
      return digest;
    }, signal);
  }

  async *#read(digest: string, maxBytes: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const request = { method: 'GET' as const, url: `${this.#base}/blobs/${digest}`, expectedBytes: maxBytes };
    const response = await this.#call(request, signal);
    if (response.status !== 200) throw await unexpected(response, `reading ${digest}`);
    yield* atMost(bodyOf(response), maxBytes, digest);
  }

  #call(request: HttpRequest, signal?: AbortSignal): Promise<Response> {
    return retrying(() => this.#access.send(request, signal), signal);
  }

  #tagUrl(version: VersionName): string {
    return `${this.#base}/manifests/${tagOf(version)}`;
  }

  #locationOf(response: Response): string {
    return String(new URL(response.headers.get('location') ?? '', this.#base));
  }
}

const NOTHING = { size: 0, read: () => once(Buffer.alloc(0)) };

function tagOf({ name, version }: VersionName): string {
  const tag = `${name}__${version}`;
  if (name.includes('__') || version.includes('__') || tag.length > MAX_TAG)
    throw new AppError('INVALID_INPUT', `${name}@${version}: for an OCI registry without "__", and ${MAX_TAG - 2} characters in all at most`); // prettier-ignore
  return tag;
}

function exists({ name, version }: VersionName): AppError {
  return new AppError('CONFLICT', `${name}@${version} exists; publish the change as a new version`);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function json(response: Response): Promise<unknown> {
  const bytes = await collect(atMost(bodyOf(response), MAX_DOCUMENT_BYTES, 'answer'));
  return JSON.parse(bytes.toString('utf8')) as unknown;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* hashing(
  source: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  // prettier-ignore
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}
