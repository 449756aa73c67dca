#!/nodejs/bin/node
// Fetches versions of models from MODEL_REPOSITORY into a folder, verified (docs/models.md has the settings):
// fetch-model <folder> <name>@<version>[@sha256:<digest>]…
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from '@frontier/kit/config';
import { repositoryOptions, repositoryShape } from '@frontier/model-store/settings';
import { place } from '../lib/place.mjs';

const DEADLINE_MS = 30 * 60_000;
const REFERENCE =
  /^([a-z0-9][a-z0-9._-]{0,127})@([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?:@(sha256:[0-9a-f]{64}))?$/;

/** Tries the places in their order; the first that has the version counts. */
async function fetchInto(folder, { name, version }, { folders, remotes }) {
  const reasons = [];
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const sources = [
    ...folders.map((from) => [from, () => cp(join(from, name, version), folder, { recursive: true })]),
    ...remotes.map((remote) => [remote.location, () => remote.fetch(name, version, folder, signal)]),
  ];
  for (const [location, fetchFrom] of sources) {
    try {
      return await fetchFrom();
    } catch (error) {
      // Half a version must not be mixed with another place's.
      if (error.code !== 'NOT_FOUND' && error.code !== 'ENOENT') throw error;
      reasons.push(location);
    }
  }
  throw new Error(`is not in ${reasons.join(', ')}: publish it (scripts/model.mjs publish), or correct MODEL_REPOSITORY`); // prettier-ignore
}

async function run() {
  const [target, ...references] = process.argv.slice(2);
  if (!target || references.length === 0)
    throw new Error('fetch-model <folder> <name>@<version>[@sha256:<digest>]…');
  const options = repositoryOptions(parseEnv(repositoryShape, process.env));
  for (const reference of references) {
    const [, name, version, digest] = REFERENCE.exec(reference) ?? [];
    if (!name) throw new Error(`${reference}: must be <name>@<version> or <name>@<version>@sha256:<digest>`);
    const wanted = { name, version, digest, trust: options.trust };
    const result = await place(target, wanted, (folder) => fetchInto(folder, wanted, options)).catch(
      (error) => {
        throw new Error(`${name}@${version}: ${error.message}`, { cause: error });
      },
    );
    process.stdout.write(`${name}@${version} ${result.digest} ${result.done}\n`);
  }
}

try {
  await run();
} catch (error) {
  process.stderr.write(`fetch-model: ${error.message}\n`);
  process.exitCode = error.exitCode ?? 1;
}
