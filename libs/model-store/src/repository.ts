import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSpec } from '@frontier/contracts/model-spec';
import { resolveFile } from './files.ts';
import { parseModelYaml } from './model-yaml.ts';
import { checkExternalData, readDocument, TRUST_FILES, verifyVersion, type Trust } from './verify.ts';

/** One immutable version of a model on disk. Paths are absolute and exist. */
export interface StoredModel {
  spec: ModelSpec;
  /** The version's folder. */
  dir: string;
  /** The ONNX file; absent for an ensemble. */
  artifact?: string;
  /** Of a generation model only. */
  tokenizer?: string;
  /** Of its manifest, `sha256:<hex>`; absent when it has none. */
  digest?: string;
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
 * are passed over; a broken version becomes a fault and never hides the others. What `trust` asks for is checked
 * before a file is parsed. Throws when a folder of `dirs` cannot be read.
 */
export async function openRepository(
  dirs: readonly string[],
  trust: Trust = TRUST_FILES,
): Promise<Repository> {
  const repository: Repository = { models: [], faults: [] };
  const seen = new Set<string>();
  for (const dir of dirs) {
    for (const [name, version] of await versionFolders(dir)) {
      const path = join(dir, name, version, 'model.yaml');
      try {
        const model = await readVersion(join(dir, name, version), name, version, trust);
        if (!model) continue;
        if (seen.has(`${name}@${version}`)) throw new Error('this version also lies in an earlier folder');
        seen.add(`${name}@${version}`);
        repository.models.push(model);
      } catch (error) {
        repository.faults.push({ path, reason: (error as Error).message });
      }
    }
  }
  return repository;
}

/** `[name, version]` of all folders that may be a version. */
export async function versionFolders(dir: string): Promise<Array<[name: string, version: string]>> {
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

/**
 * One version folder, checked as `trust` asks; undefined where it has no `model.yaml`. Throws with the reason why it
 * cannot be used.
 */
export async function readVersion(
  dir: string,
  name: string,
  version: string,
  trust: Trust,
): Promise<StoredModel | undefined> {
  const yaml = await readDocument(dir, 'model.yaml');
  if (!yaml) return undefined;
  const verified = await verifyVersion(dir, trust);
  const spec = parseModelYaml(yaml.toString('utf8'));
  checkSpec(spec, name, version);
  const model: StoredModel = { spec, dir };
  if (spec.artifact) model.artifact = await resolveFile(dir, spec.artifact);
  if (spec.generation) model.tokenizer = await resolveFile(dir, { file: spec.generation.tokenizer });
  if (!verified) {
    if (model.artifact !== undefined) await checkExternalData(model.artifact);
    return model;
  }
  if (verified.manifest.name !== name || verified.manifest.version !== version)
    throw new Error(`its manifest is of ${verified.manifest.name}@${verified.manifest.version}`);
  if (namesPackage([spec.artifact, spec.preprocess, spec.postprocess]))
    throw new Error('a version with a manifest must hold all its files: copy those of npm packages into it');
  return { ...model, digest: verified.digest };
}

/** Whether a file reference somewhere below leads into an npm package. */
function namesPackage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'package' in value || Object.values(value).some(namesPackage);
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

function isErrno(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
