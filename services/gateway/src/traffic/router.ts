import { AppError } from '@frontier/contracts/errors';
import type { TrafficView } from '@frontier/contracts/ports';
import type { Pool, QueuePolicies } from '@frontier/contracts/queue';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import type { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import { armOf, assign, isMirrored, subjectOf } from '@frontier/policy/traffic-split';
import type { CallContext, InferenceCall } from '../pipeline/call.ts';
import { choosePool, findModel, type Route } from '../pipeline/route.ts';
import type { ExperimentReports } from './experiment-reports.ts';
import type { TrafficMetrics } from './metrics.ts';
import { Sides } from './sides.ts';
import { Ticket } from './ticket.ts';

export interface RouterDeps {
  traffic: TrafficView;
  catalogue: Catalogue;
  metrics: TrafficMetrics;
  experiments: ExperimentReports;
  policies: QueuePolicies;
  /** Pools that this installation has, in order of preference. */
  pools: readonly Pool[];
}

type Routed = Pick<InferenceCall, 'model' | 'version' | 'priority'>;

/** Chooses the version that answers a call, by the traffic record of its model where it has one. */
export class Router {
  readonly #deps: RouterDeps;
  readonly #sides: Sides;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.#sides = new Sides(deps);
  }

  /** Hears of each new record, so that its series are there before its first call. */
  changed(record: ModelTraffic): void {
    this.#sides.follow(record);
    const [stable, canary] = [record.stable, record.rollout?.canary ?? ''].map((version) => this.#servable(record, version)); // prettier-ignore
    if (stable && canary) this.#sides.begin(record, stable.spec, canary.spec);
  }

  /** The version that answers who names none and is on no other side; undefined: there is none. */
  stable(name: string): StoredModel | undefined {
    const { traffic, catalogue } = this.#deps;
    const record = traffic.get(name);
    if (!record) return catalogue.get(name);
    return this.#servable(record, record.stable) ?? this.#highest(record);
  }

  /** Versions of a model that nobody may call. */
  blocked(name: string): readonly string[] {
    return this.#deps.traffic.get(name)?.blocked ?? [];
  }

  /** Throws NOT_FOUND, CONFLICT for a version that is blocked, and UNAVAILABLE where nothing can run it. */
  route(call: Routed, tenant: string, context: CallContext): Route {
    const { traffic, catalogue } = this.#deps;
    const record = traffic.get(call.model);
    if (!record) return this.#plain(findModel(catalogue, call.model, call.version), call);
    if (call.version !== undefined) {
      if (record.blocked.includes(call.version)) throw blockedVersion(record, call.version);
      return this.#plain(findModel(catalogue, call.model, call.version), call);
    }
    const model = this.stable(call.model);
    if (!model) throw noStable(findModel(catalogue, call.model, undefined), record);
    if (!traffic.fresh(performance.now())) return this.#plain(model, call);
    const subject = subjectOf(tenant, context.user ?? context.requestId);
    const route =
      this.#inRollout(record, model, call, subject) ??
      this.#inExperiment(record, call, subject) ??
      this.#plain(model, call);
    route.shadow = route.model === model ? this.#shadowOf(record, context.requestId) : undefined;
    return route;
  }

  #plain(model: StoredModel, { priority }: Routed): Route {
    const { policies, pools } = this.#deps;
    return { model, pool: choosePool(model.spec, policies[priority].pool, pools) };
  }

  /** Undefined: it is not in force here, for there is none, or this gateway does not have one of its versions. */
  #inRollout(record: ModelTraffic, stable: StoredModel, call: Routed, subject: string): Route | undefined {
    const { rollout } = record;
    if (!rollout) return undefined;
    const { variant, half } = assign(rollout, subject);
    const canary = this.#servable(record, rollout.canary);
    if (!canary || stable.spec.version !== record.stable) {
      if (variant === 'canary') this.#deps.metrics.unroutable.of(record.model, rollout.canary).value += 1;
      return undefined;
    }
    this.#sides.begin(record, stable.spec, canary.spec);
    const isNew = variant === 'canary' && rollout.mode === 'canary';
    const route = this.#plain(isNew ? canary : stable, call);
    const { spec } = route.model;
    const labels = [variant, half, call.priority, route.pool] as const;
    route.ticket = new Ticket(this.#sides.ofRollout(record.model, rollout.id, labels, spec.version));
    if (variant !== 'stable') route.variant = variant;
    return route;
  }

  #inExperiment(record: ModelTraffic, call: Routed, subject: string): Route | undefined {
    const { experiment } = record;
    const arm = experiment && armOf(experiment, subject);
    if (!arm) return undefined;
    const model = this.#servable(record, arm.version);
    if (!model) {
      this.#deps.metrics.unroutable.of(record.model, arm.version).value += 1;
      return undefined;
    }
    const route = this.#plain(model, call);
    const side = this.#sides.ofExperiment(record.model, experiment.id, arm.name, arm.version);
    route.ticket = new Ticket(side, this.#deps.experiments.counter(experiment, arm.name, subject));
    return route;
  }

  #shadowOf(record: ModelTraffic, request: string): Route['shadow'] {
    const { shadow } = record;
    if (!shadow || !isMirrored(shadow, request)) return undefined;
    const model = this.#servable(record, shadow.version);
    return model && { id: shadow.id, model };
  }

  /** In place of a stable version that this gateway does not have: the latest that nobody has doubts about. */
  #highest({ model, blocked, rollout, shadow }: ModelTraffic): StoredModel | undefined {
    const doubtful = new Set([...blocked, rollout?.canary, shadow?.version]);
    return this.#deps.catalogue.list().findLast(({ spec }) => spec.name === model && !doubtful.has(spec.version)); // prettier-ignore
  }

  /** A version that is here, not blocked, and that some pool of this installation runs. */
  #servable({ model, blocked }: ModelTraffic, version: string): StoredModel | undefined {
    const found = blocked.includes(version) ? undefined : this.#deps.catalogue.get(model, version);
    return found?.spec.pools.some((pool) => this.#deps.pools.includes(pool)) ? found : undefined;
  }
}

function blockedVersion({ model, stable }: ModelTraffic, version: string): AppError {
  return new AppError('CONFLICT', `version ${version} of ${model} was taken back; call without a version, or ${stable}`, { details: { model, version, reason: 'blocked', stable } }); // prettier-ignore
}

/** Only somebody who publishes a version can help: nobody need ask often. */
const NO_STABLE_RETRY_S = 30;

function noStable({ spec }: StoredModel, { stable }: ModelTraffic): AppError {
  return new AppError('UNAVAILABLE', `version ${stable} of ${spec.name} is not here, and no other one may answer; try again after Retry-After`, { details: { model: spec.name, stable }, retryAfterS: NO_STABLE_RETRY_S * (1 + Math.random()) }); // prettier-ignore
}
