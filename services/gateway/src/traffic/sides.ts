import type { ModelSpec } from '@frontier/contracts/model-spec';
import { PRIORITIES, type Pool, type Priority, type QueuePolicies } from '@frontier/contracts/queue';
import { VARIANTS, type ModelTraffic, type Variant } from '@frontier/contracts/traffic';
import { choosePool } from '../pipeline/route.ts';
import type { TrafficMetrics } from './metrics.ts';
import type { Side } from './side-metrics.ts';

/** In the order of their labels. */
export type Stratum = readonly [variant: Variant, half: 'a' | 'b', priority: Priority, pool: Pool];

export interface SidesDeps {
  metrics: TrafficMetrics;
  policies: QueuePolicies;
  pools: readonly Pool[];
}

/** The series of what runs now: made when it begins, kept while it runs, removed when it ends. */
export class Sides {
  readonly #deps: SidesDeps;
  readonly #records = new Map<string, ModelTraffic>();
  readonly #begun = new WeakSet<ModelTraffic>();
  /** By model, then by labels. */
  readonly #sides = new Map<string, Map<string, Side>>();

  constructor(deps: SidesDeps) {
    this.#deps = deps;
  }

  /** What is over now ends. */
  follow(record: ModelTraffic): void {
    this.#end(record);
    const { model, rollout, experiment, epoch } = record;
    this.#records.set(model, record);
    if (rollout) this.#deps.metrics.epoch.set({ model }, epoch);
    if (!experiment) return;
    for (const { name, version } of experiment.arms) this.ofExperiment(model, experiment.id, name, version);
  }

  /** The rollout of a record is in force here: all of its series are there from now on. */
  begin(record: ModelTraffic, stable: ModelSpec, canary: ModelSpec): void {
    const { model, rollout } = record;
    if (!rollout || this.#begun.has(record)) return;
    this.#begun.add(record);
    const { policies, pools } = this.#deps;
    for (const variant of VARIANTS) {
      const spec = variant === 'canary' && rollout.mode === 'canary' ? canary : stable;
      for (const priority of PRIORITIES) {
        const pool = choosePool(spec, policies[priority].pool, pools);
        for (const half of ['a', 'b'] as const) this.ofRollout(model, rollout.id, [variant, half, priority, pool], spec.version); // prettier-ignore
      }
    }
  }

  ofRollout(model: string, rollout: string, stratum: Stratum, version: string): Side {
    return this.#of(model, `${stratum.join('|')}|${version}`, () =>
      this.#deps.metrics.canary.side([model, rollout, ...stratum], version),
    );
  }

  ofExperiment(model: string, experiment: string, arm: string, version: string): Side {
    return this.#of(model, `${arm}|${version}`, () =>
      this.#deps.metrics.experiment.side([model, experiment, arm], version),
    );
  }

  #of(model: string, key: string, make: () => Side): Side {
    let sides = this.#sides.get(model);
    if (!sides) this.#sides.set(model, (sides = new Map()));
    let side = sides.get(key);
    if (!side) sides.set(key, (side = make()));
    return side;
  }

  /** Removes what the record before had and this one does not have any more. */
  #end({ model, rollout, experiment, shadow }: ModelTraffic): void {
    const { metrics } = this.#deps;
    const before = this.#records.get(model);
    if (before?.rollout && before.rollout.id !== rollout?.id) {
      metrics.canary.remove({ model });
      metrics.epoch.remove({ model });
      metrics.unroutable.remove({ model });
      this.#sides.delete(model);
    }
    if (before?.experiment && before.experiment.id !== experiment?.id) {
      metrics.experiment.remove({ model });
      metrics.unroutable.remove({ model });
      this.#sides.delete(model);
    }
    if (before?.shadow && before.shadow.id !== shadow?.id) {
      for (const metric of [metrics.shadowRequests, metrics.shadowDifference, metrics.shadowLatency]) metric.remove({ model }); // prettier-ignore
    }
  }
}
