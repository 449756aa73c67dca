import type { KeyObject } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST, makeManifest, manifestText, parseManifest, SIGNATURE } from './manifest.ts';
import { parseModelYaml } from './model-yaml.ts';
import { signManifest } from './signature.ts';
import { readDocument } from './verify.ts';

/**
 * Writes `manifest.json` of a version folder, and `model.sig` when a private key is given: from then on the folder is
 * a version. Gives its digest. Throws for a folder that cannot be one.
 */
export async function sealVersion(folder: string, key?: KeyObject): Promise<string> {
  const yaml = await readDocument(folder, 'model.yaml');
  if (!yaml) throw new Error(`${folder}: model.yaml is missing`);
  const { name, version } = parseModelYaml(yaml.toString('utf8'));
  const manifest = await makeManifest(folder, name, version);
  const text = manifestText(manifest);
  if (key) await writeWhole(join(folder, SIGNATURE), signManifest(manifest, key));
  else await rm(join(folder, SIGNATURE), { force: true });
  // Last: who watches the folder takes its manifest for the sign that all is there.
  await writeWhole(join(folder, MANIFEST), text);
  return parseManifest(Buffer.from(text)).digest;
}

async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text, { flush: true });
  await rename(`${path}.part`, path);
}
