#!/nodejs/bin/node
// Copies the models of this image into a folder, verified: copy-models <target> [<name>@<version>…]
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { versionFolders } from '@frontier/model-store/repository';
import { TRUST_FILES, verifyVersion } from '@frontier/model-store/verify';
import { place } from '../lib/place.mjs';

const MODELS = '/models';
const [target, ...wanted] = process.argv.slice(2);

async function copyAll() {
  const versions = await versionFolders(MODELS);
  const names = versions.map(([name, version]) => `${name}@${version}`);
  const missing = wanted.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new Error(`${missing.join(', ')}: not in this image, which has ${names.join(', ')}`);
  for (const [name, version] of versions) {
    if (wanted.length > 0 && !wanted.includes(`${name}@${version}`)) continue;
    const from = join(MODELS, name, version);
    const { digest } = await verifyVersion(from, { ...TRUST_FILES, requireManifest: true });
    const { done } = await place(target, { name, version, digest, trust: TRUST_FILES }, (folder) =>
      cp(from, folder, { recursive: true }),
    );
    process.stdout.write(`${name}@${version} ${digest} ${done}\n`);
  }
}

try {
  if (!target) throw new Error('a target is missing: copy-models <folder> [<name>@<version>…]');
  await copyAll();
} catch (error) {
  process.stderr.write(`copy-models: ${error.message}\n`);
  process.exitCode = 1;
}
