import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { StoredModel } from '@frontier/model-store/repository';

const MiB = 1024 * 1024;

/** Of a file's bytes, what a session keeps in memory: ONNX Runtime lays weights out a second time for its kernels. */
const LOADED_PER_FILE_BYTE = 2;
/** A thread with its heap, its buffers and the arena of a small graph. */
const THREAD_BYTES = 24 * MiB;
const FLOAT_BYTES = 4;

export interface Footprint {
  /** Memory that the loaded version takes, about: an estimate from the sizes of its files. */
  bytes: number;
  /** Changes when one of its files does. */
  fingerprint: string;
}

/**
 * Estimated and not measured: the memory of a process says nothing about one of several models that load at once.
 * Rejects when a file is gone.
 */
export async function footprintOf({ spec, dir, artifact, tokenizer }: StoredModel): Promise<Footprint> {
  const paths = await readdir(dir).then((names) => names.map((name) => join(dir, name)));
  const outside = [artifact, tokenizer].filter((path) => path !== undefined);
  const files = new Set(await Promise.all([...paths, ...outside].map((path) => realpath(path))));
  let bytes = 0;
  const marks: string[] = [];
  for (const path of [...files].sort()) {
    const { size, mtimeMs } = await stat(path);
    bytes += size;
    marks.push(`${path}:${size}:${mtimeMs}`);
  }
  const session = THREAD_BYTES + LOADED_PER_FILE_BYTE * bytes;
  const sessions = spec.generation ? 1 : spec.instances;
  return { bytes: sessions * session + cacheBytes(spec), fingerprint: marks.join('\n') };
}

/** Keys and values of all positions of all slots. */
function cacheBytes({ generation }: ModelSpec): number {
  if (!generation) return 0;
  const { slots, layers, heads, headSize, context } = generation;
  return 2 * FLOAT_BYTES * slots * layers * heads * headSize * context;
}
