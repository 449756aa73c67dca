import type { StoredModel } from './repository.ts';

/** The models of a repository by name, versions in ascending order (`2` before `10`). */
export class Catalogue {
  #byName = new Map<string, StoredModel[]>();

  constructor(models: readonly StoredModel[]) {
    this.replace(models);
  }

  /** What it holds from now on, all at once: whoever reads sees either all of the old or all of the new models. */
  replace(models: readonly StoredModel[]): void {
    const byName = new Map<string, StoredModel[]>();
    for (const model of models) {
      const versions = byName.get(model.spec.name);
      if (versions) versions.push(model);
      else byName.set(model.spec.name, [model]);
    }
    for (const versions of byName.values()) versions.sort(byVersion);
    this.#byName = byName;
  }

  /** A version of a model; the latest when none is named. */
  get(name: string, version?: string): StoredModel | undefined {
    const versions = this.#byName.get(name);
    return version === undefined
      ? versions?.at(-1)
      : versions?.find((model) => model.spec.version === version);
  }

  names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  /** All versions of all models, by name, then by version. */
  list(): StoredModel[] {
    return this.names().flatMap((name) => this.#byName.get(name) ?? []);
  }
}

const collator = new Intl.Collator('en', { numeric: true });

function byVersion(a: StoredModel, b: StoredModel): number {
  return collator.compare(a.spec.version, b.spec.version);
}
