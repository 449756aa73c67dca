import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelSpecSchema, type ModelSpec } from '@frontier/contracts/model-spec';
import { parse } from 'yaml';
import { z } from 'zod';
import { resolveFile } from './files.ts';

/** One immutable version of a model on disk. Paths are absolute and exist. */
export interface StoredModel {
  spec: ModelSpec;
  /** The version's folder. */
  dir: string;
  /** The ONNX file; absent for an ensemble. */
  artifact?: string;
  /** Of a generation model only. */
  tokenizer?: string;
}

/** A version that cannot be used, and why. */
export interface ModelFault {
  path: string;
  reason: string;
}

export interface Repository {
  models: StoredModel[];
  faults: ModelFault[];
}

/**
 * Reads `<dir>/<name>/<version>/model.yaml` of every folder. Folders without a `model.yaml` are no versions and
 * are passed over; a broken version becomes a fault and never hides the others. Throws when a folder of `dirs`
 * cannot be read.
 */
export async function openRepository(dirs: readonly string[]): Promise<Repository> {
  const repository: Repository = { models: [], faults: [] };
  const seen = new Set<string>();
  for (const dir of dirs) {
    for (const [name, version] of await versionFolders(dir)) {
      const path = join(dir, name, version, 'model.yaml');
      try {
        const model = await readVersion(join(dir, name, version), name, version);
        if (!model) continue;
        if (seen.has(`${name}@${version}`)) throw new Error('this version also lies in an earlier folder');
        seen.add(`${name}@${version}`);
        repository.models.push(model);
      } catch (error) {
        repository.faults.push({ path, reason: reasonOf(error) });
      }
    }
  }
  return repository;
}

async function versionFolders(dir: string): Promise<Array<[name: string, version: string]>> {
  const found: Array<[string, string]> = [];
  for (const name of await visible(dir)) {
    for (const version of await visible(join(dir, name)).catch(ignoreNotADirectory))
      found.push([name, version]);
  }
  return found;
}

async function visible(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((entry) => !entry.startsWith('.')).sort();
}

function ignoreNotADirectory(error: unknown): string[] {
  if (isErrno(error, 'ENOTDIR')) return [];
  throw error;
}

async function readVersion(dir: string, name: string, version: string): Promise<StoredModel | undefined> {
  const text = await readFile(join(dir, 'model.yaml'), 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const spec = modelSpecSchema.parse(parse(text));
  checkSpec(spec, name, version);
  const model: StoredModel = { spec, dir };
  if (spec.artifact) model.artifact = await resolveFile(dir, spec.artifact);
  if (spec.generation) model.tokenizer = await resolveFile(dir, { file: spec.generation.tokenizer });
  return model;
}

/** What the schema cannot say, because it joins several fields. */
function checkSpec(spec: ModelSpec, name: string, version: string): void {
  if (spec.name !== name || spec.version !== version) {
    throw new Error(`says ${spec.name}@${spec.version}, lies in ${name}/${version}`);
  }
  if (spec.platform === 'onnx' && !spec.artifact) throw new Error('platform onnx needs an artifact');
  if (spec.platform === 'ensemble' && !spec.ensemble) throw new Error('platform ensemble needs steps');
  for (const io of [...spec.inputs, ...spec.outputs]) {
    if (io.shape[0] !== -1) throw new Error(`${io.name}: the first dimension must be -1 (rows)`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  return (error as Error).message;
}

function isErrno(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
