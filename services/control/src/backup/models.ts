import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '@frontier/contracts/errors';
import type { ModelRepository } from '@frontier/model-store/model-repository';
import { openRemote } from '@frontier/model-store/remote';

/** The copies of versions: a repository of its own, `<root>/models/<name>/<version>`. */
export function modelCopies(root: string): ModelRepository {
  return openRemote(pathToFileURL(join(root, 'models')).href, {});
}

/** A folder or the URL of a repository, as in MODEL_REPOSITORY. */
export function repositoryAt(place: string, access: Parameters<typeof openRemote>[1]): ModelRepository {
  return openRemote(place.includes('://') ? place : pathToFileURL(place).href, access);
}

export interface Copied {
  copied: string[];
  /** What could not be copied, and why. */
  faults: string[];
}

/**
 * Copies the versions that `to` lacks, each checked against its manifest, all of it or nothing. Versions never change:
 * one that both have under different digests is a fault, and stays as it is.
 */
export async function copyVersions(
  from: ModelRepository,
  to: ModelRepository,
  folder: string,
  signal?: AbortSignal,
): Promise<Copied> {
  const done: Copied = { copied: [], faults: [] };
  for (const { name, version } of await from.list(signal)) {
    signal?.throwIfAborted();
    try {
      const digest = await from.digest(name, version, signal);
      const there = await digestIn(to, name, version, signal);
      if (there === digest) continue;
      if (there !== undefined)
        throw new Error(`${to.location} has it as ${there}, ${from.location} as ${digest}`);
      await copy({ from, to, name, version, folder }, signal); // prettier-ignore
      done.copied.push(`${name}@${version} ${digest}`);
    } catch (error) {
      done.faults.push(`${name}@${version}: ${(error as Error).message}`);
    }
  }
  return done;
}

async function copy(
  what: { from: ModelRepository; to: ModelRepository; name: string; version: string; folder: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(what.folder, { recursive: true });
  const fetched = await mkdtemp(join(what.folder, 'version-'));
  try {
    await what.from.fetch(what.name, what.version, fetched, signal);
    await what.to.publish(fetched, signal);
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
}

async function digestIn(
  repository: ModelRepository,
  name: string,
  version: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return await repository.digest(name, version, signal);
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
