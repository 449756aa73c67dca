import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve, sep } from 'node:path';

/** A file that a model names: of its own version folder, or of an installed npm package. */
export interface FileReference {
  file: string;
  package?: string | undefined;
}

/**
 * The absolute path of a file that `model.yaml` names. Throws when it does not exist or lies outside of the
 * folder (`..`, an absolute path, a link that leads out): a model must not read what is not its own.
 */
export async function resolveFile(versionDir: string, reference: FileReference): Promise<string> {
  const folder =
    reference.package === undefined ? versionDir : await packageFolder(versionDir, reference.package);
  if (isAbsolute(reference.file)) throw new Error(`${reference.file}: must be relative`);
  const root = await realpath(folder);
  const path = await realpath(join(root, reference.file));
  if (!path.startsWith(root + sep)) throw new Error(`${reference.file}: lies outside of its folder`);
  return path;
}

const PACKAGE_NAME = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;

/**
 * Installed beside the models, or with the program. Not `require.resolve(name/file)`: a package's `exports` would
 * hide its data files.
 */
async function packageFolder(versionDir: string, name: string): Promise<string> {
  if (!PACKAGE_NAME.test(name)) throw new Error(`${name}: not the name of an npm package`);
  for (const base of [join(versionDir, 'model.yaml'), process.argv[1] ?? '.']) {
    for (const modules of createRequire(resolve(base)).resolve.paths(name) ?? []) {
      const folder = await realpath(join(modules, name)).catch(() => undefined);
      if (folder) return folder;
    }
  }
  throw new Error(`npm package ${name} is not installed`);
}
