import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SHIPPED = resolve(__dirname, '../../../../models');

/** A model repository of one test, made of models that ship. */
export class TestRepository {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async open(): Promise<TestRepository> {
    return new TestRepository(await mkdtemp(join(tmpdir(), 'frontier-models-')));
  }

  /** Adds version 1 of a model that ships as `version`, at once; `artifact`: other bytes in the place of its graph. */
  async add(name: string, version: string, artifact?: string): Promise<void> {
    const made = join(this.dir, `.${name}-${version}`);
    await cp(join(SHIPPED, name, '1'), made, { recursive: true });
    const yaml = await readFile(join(made, 'model.yaml'), 'utf8');
    await writeFile(join(made, 'model.yaml'), yaml.replace("version: '1'", `version: '${version}'`));
    if (artifact !== undefined) await writeFile(join(made, 'model.onnx'), artifact);
    await mkdir(join(this.dir, name), { recursive: true });
    await rename(made, join(this.dir, name, version));
  }

  /** At once, as it was added. */
  async remove(name: string, version: string): Promise<void> {
    const trash = join(this.dir, `.${name}-${version}`);
    await rename(join(this.dir, name, version), trash);
    await rm(trash, { recursive: true });
  }

  close(): Promise<void> {
    return rm(this.dir, { recursive: true });
  }
}
