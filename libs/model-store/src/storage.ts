import type { VersionName } from './model-repository.ts';

/** One file as it is stored. Its bytes can be read again, for a second attempt. */
export interface StoredFile {
  path: string;
  size: number;
  read(): AsyncIterable<Uint8Array>;
}

/** A version as it is stored. */
export interface OpenVersion {
  has(path: string): boolean;
  /** At most `maxBytes` are given out; more is an error. */
  read(path: string, maxBytes: number): AsyncIterable<Uint8Array>;
}

/** Where bytes lie. What they mean, whether they are right and how they are encrypted is not its business. */
export interface Storage {
  readonly location: string;
  list(signal?: AbortSignal): Promise<VersionName[]>;
  /** Undefined where there is no such version. */
  open(version: VersionName, signal?: AbortSignal): Promise<OpenVersion | undefined>;
  /** All files or none become visible, in one step. Throws CONFLICT when the version exists. `manifest` comes last. */
  commit(
    version: VersionName,
    files: readonly StoredFile[],
    manifest: StoredFile,
    signal?: AbortSignal,
  ): Promise<void>;
}

/** Throws once more bytes come than are allowed. */
export async function* atMost(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  path: string,
): AsyncGenerator<Uint8Array> {
  // prettier-ignore
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`${path}: more than ${maxBytes} bytes`);
    yield chunk;
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
