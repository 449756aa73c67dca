import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { TrafficView } from '@frontier/contracts/ports';
import { sleep } from '@frontier/kit/abort';
import { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import { versionNow, type Assigned } from './repointing.ts';

export interface ServingOptions {
  traffic: Pick<TrafficView, 'get'>;
  /** Whether any worker that stays runs this version. */
  serves: (spec: ModelSpec) => boolean;
  /** A gateway may know a version for so long before it is known here, ms. */
  lateMs: number;
}

/** Which version of a model a request runs as, and whether any worker could run it now. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #catalogue = new Catalogue([]);
  /** Ends the waits for versions that are not known yet. */
  #changed = new AbortController();

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  /** These are all versions that there are from now on. */
  replace(models: readonly StoredModel[]): void {
    this.#catalogue.replace(models);
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** The version that it runs as now, which changes when its rollout ends. */
  versionOf(request: Assigned): string {
    return versionNow(request, this.#options.traffic.get(request.model));
  }

  /** All versions that there are. */
  get specs(): ModelSpec[] {
    return this.#catalogue.list().map(({ spec }) => spec);
  }

  spec(model: string, version: string): ModelSpec | undefined {
    return this.#catalogue.get(model, version)?.spec;
  }

  /** Resolves when this version is known, or should have been by now: gateways may have seen it first. */
  async arrival(model: string, version: string): Promise<void> {
    const until = performance.now() + this.#options.lateMs;
    for (let left = this.#options.lateMs; left > 0 && !this.spec(model, version);) {
      await sleep(left, this.#changed.signal);
      left = until - performance.now();
    }
  }

  /** The model of an ensemble's step: its stable version, else the latest. */
  step(model: string): ModelSpec | undefined {
    return this.#catalogue.get(model, this.#options.traffic.get(model)?.stable)?.spec;
  }

  /** Where work that waits for this version runs now; undefined: there. A step of an ensemble is on no side. */
  movedTo({ name, version }: ModelSpec, { model, variant }: Assigned): ModelSpec | undefined {
    const now = this.versionOf({ model: name, version, variant: model === name ? variant : undefined });
    return now === version ? undefined : this.spec(name, now);
  }

  /** What it needs and no worker runs. What is not known here gets its error by being run. */
  missing(request: Assigned): ModelSpec[] {
    const spec = this.spec(request.model, this.versionOf(request));
    if (!spec) return [];
    const specs = spec.ensemble ? spec.ensemble.steps.flatMap(({ model }) => this.step(model) ?? []) : [spec];
    return specs.filter((one) => !this.#options.serves(one));
  }
}
