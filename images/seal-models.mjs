// Makes the models that ship into sealed versions that need no npm package:
// node images/seal-models.mjs <models> <target>. Runs in the build stage of the Dockerfile.
import { existsSync } from 'node:fs';
import { cp, copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { resolveFile } from '@frontier/model-store/files';
import { versionFolders } from '@frontier/model-store/repository';
import { sealVersion } from '@frontier/model-store/seal';
import { isMap, parseDocument, visit } from 'yaml';

const [from, to] = process.argv.slice(2);

/** Copies each file of a package into the version and names it without the package. */
async function bringIn(folder) {
  const path = join(folder, 'model.yaml');
  const document = parseDocument(await readFile(path, 'utf8'));
  const references = [];
  visit(document, {
    Map: (_, node) => void (isMap(node) && node.has('package') && node.has('file') && references.push(node)),
  });
  for (const reference of references) {
    const file = reference.get('file');
    const name = basename(file);
    await copyFile(
      await resolveFile(folder, { package: reference.get('package'), file }),
      join(folder, name),
    );
    reference.delete('package');
    reference.set('file', name);
  }
  if (references.length > 0) await writeFile(path, document.toString({ lineWidth: 0 }));
}

for (const [name, version] of await versionFolders(from)) {
  // Beside versions lies how some were made.
  if (!existsSync(join(from, name, version, 'model.yaml'))) continue;
  const folder = join(to, name, version);
  await cp(join(from, name, version), folder, { recursive: true });
  await bringIn(folder);
  process.stdout.write(`${name}@${version} ${await sealVersion(folder)}\n`);
}
