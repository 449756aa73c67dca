import type { StoredModel } from './repository.ts';

/** The models of a repository by name, versions in ascending order (`2` before `10`). */
export class Catalogue {
  readonly #byName = new Map<string, StoredModel[]>();

  constructor(models: readonly StoredModel[]) {
    for (const model of models) {
      const versions = this.#byName.get(model.spec.name);
      if (versions) versions.push(model);
      else this.#byName.set(model.spec.name, [model]);
    }
    for (const versions of this.#byName.values()) versions.sort(byVersion);
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
