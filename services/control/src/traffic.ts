import { AppError } from '@frontier/contracts/errors';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import type { Logger } from '@frontier/kit/logger';
import { connect, disconnect, whenReady, type RedisClient } from '@frontier/redis/connection';
import { TrafficStore } from '@frontier/redis/traffic';
import { conflict } from './http/refusal.ts';
import type { Stores } from './stores.ts';

const CONNECT_MS = 5_000;
const MAX_ATTEMPTS = 5;

/** The part of `TrafficStore` that the API uses. */
export type TrafficSource = Pick<TrafficStore, 'get' | 'put' | 'shadow'>;

/** The traffic records, connected to when somebody asks: the rest of the service runs without Redis. */
export class LazyTraffic {
  readonly #url: string;
  readonly #log: Logger;
  #opened: Promise<RedisClient> | undefined;

  constructor(url: string, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  /** Throws UNAVAILABLE while Redis is away; the next call tries again. */
  async open(): Promise<TrafficSource> {
    this.#opened ??= this.#start();
    try {
      return new TrafficStore(await this.#opened);
    } catch (error) {
      this.#opened = undefined;
      throw new AppError('UNAVAILABLE', 'Redis, which holds the traffic of the models, cannot be reached', {
        cause: error,
        retryAfterS: 5,
      });
    }
  }

  async stop(): Promise<void> {
    const redis = await this.#opened?.catch(() => undefined);
    if (redis) await disconnect(redis);
  }

  async #start(): Promise<RedisClient> {
    const redis = connect({ url: this.#url, name: 'control', log: this.#log });
    try {
      await whenReady(redis, CONNECT_MS);
      return redis;
    } catch (error) {
      await disconnect(redis);
      throw error;
    }
  }
}

/** What is in force for a model, or would be if `stable` were all there is. */
export function recordOf(
  found: ModelTraffic | undefined,
  model: string,
  stable: string,
): Omit<ModelTraffic, 'epoch'> {
  return found ?? { model, stable, blocked: [], rollout: null, shadow: null, experiment: null };
}

/** Throws CONFLICT while a rollout runs, also one that has to wait before it begins, and for a version that is blocked. */
export async function checkPin(
  { rollouts }: Pick<Stores, 'rollouts'>,
  traffic: TrafficSource,
  model: string,
  version: string,
): Promise<void> {
  const [running] = (await rollouts.list({ model, running: true }, 1)).items;
  const found = await traffic.get(model);
  const rollout = running?.id ?? found?.rollout?.id;
  if (rollout !== undefined) throw conflict('rollout', `rollout ${rollout} has the traffic of ${model}: promote or abort it`); // prettier-ignore
  if (found?.blocked.includes(version)) throw conflict('blocked', `${model}@${version} was rolled back and is blocked: publish a new version`); // prettier-ignore
}

/**
 * Gives all calls of a model that name no version to the one in production. The record is read before the registry, so
 * that of two callers at once the one who read the older version loses. Throws CONFLICT while a rollout runs.
 */
export async function pin(
  { registry }: Pick<Stores, 'registry'>,
  traffic: TrafficSource,
  model: string,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await traffic.get(model);
    const [stable] = (await registry.versions({ model, state: 'production' }, 1)).items;
    if (!stable || found?.stable === stable.version) return;
    const { version } = stable;
    const record = recordOf(found, model, version);
    if (record.rollout) throw conflict('rollout', `rollout ${record.rollout.id} has the traffic of ${model}: promote or abort it`); // prettier-ignore
    const shadow = record.shadow?.version === version ? null : record.shadow;
    try {
      await traffic.put({ ...record, stable: version, shadow }, found?.epoch ?? 0);
      return;
    } catch (error) {
      const lost = error instanceof AppError && error.code === 'CONFLICT';
      if (!lost || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
