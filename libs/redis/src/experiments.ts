import {
  EXPERIMENT_GROUPS,
  type ArmCounts,
  type Experiment,
  type ExperimentReport,
  type GatewayKpi,
} from '@frontier/contracts/experiment';
import type { Logger } from '@frontier/kit/logger';
import { connect, disconnect, whenReady, type RedisClient } from './connection.ts';
import { TrafficStore } from './traffic.ts';

/** Ids by the time of their start. */
const INDEX = 'f:experiments';
const MAX_INDEXED = 1_000;
const KEPT_MS = 90 * 24 * 3_600_000;
/** Beside the counts, whose names have blanks. */
const RECORD = 'record';

function keyOf(id: string): string {
  return `f:experiment:${id}`;
}

/** Adds to an experiment's integers. A call that failed may have been counted: it must not be repeated. */
export async function addExperiment(redis: RedisClient, id: string, report: ExperimentReport): Promise<void> {
  const adding = redis.multi();
  const add = (field: string, count: number) => count !== 0 && adding.hincrby(keyOf(id), field, count);
  for (const [kpi, arms] of Object.entries(report)) {
    for (const { name, requests, sums } of arms) {
      requests.forEach((count, group) => add(`${kpi} ${name} requests ${group}`, count));
      sums.forEach((sum, group) => add(`${kpi} ${name} sums ${group}`, sum));
    }
  }
  await adding.pexpire(keyOf(id), KEPT_MS).exec();
}

/** Experiments and what the gateways have counted of them: kept for 90 days after the last change. */
export class ExperimentStore {
  readonly #redis: RedisClient;
  /** Where an experiment gets its calls. */
  readonly traffic: TrafficStore;

  constructor({ redisUrl: url, log }: { redisUrl: string; log: Logger }) {
    this.#redis = connect({ url, name: 'experiments', log });
    this.traffic = new TrafficStore(this.#redis);
  }

  /** Rejects while Redis cannot be reached. */
  start(): Promise<void> {
    return whenReady(this.#redis, 2_000);
  }

  stop(): Promise<void> {
    return disconnect(this.#redis);
  }

  /** Writes an experiment; its counts stay as they are. */
  async put(experiment: Experiment): Promise<void> {
    const { id } = experiment.plan;
    await this.#redis.multi().hset(keyOf(id), RECORD, JSON.stringify(experiment)).pexpire(keyOf(id), KEPT_MS).exec(); // prettier-ignore
    await this.#redis.zadd(INDEX, experiment.startedAt, id);
    await this.#redis.zremrangebyrank(INDEX, 0, -1 - MAX_INDEXED);
  }

  /** What never began. */
  async remove(id: string): Promise<void> {
    await this.#redis.zrem(INDEX, id);
    await this.#redis.del(keyOf(id));
  }

  async get(id: string): Promise<Experiment | undefined> {
    const json = await this.#redis.hget(keyOf(id), RECORD);
    return json === null ? undefined : (JSON.parse(json) as Experiment);
  }

  /** The latest first. */
  async list(limit: number, model?: string): Promise<Experiment[]> {
    const found: Experiment[] = [];
    for (const id of await this.#redis.zrange(INDEX, 0, String(MAX_INDEXED - 1), 'REV')) {
      const experiment = await this.get(id);
      if (experiment && (model === undefined || experiment.model === model)) found.push(experiment);
      if (found.length === limit) break;
    }
    return found;
  }

  /** What all gateways together have counted of one KPI. */
  async counts({ plan, arms }: Experiment, kpi: GatewayKpi): Promise<ArmCounts[]> {
    const fields = await this.#redis.hgetall(keyOf(plan.id));
    const of = (name: string, what: string) =>
      Array.from({ length: EXPERIMENT_GROUPS }, (_, group) => Number(fields[`${kpi} ${name} ${what} ${group}`] ?? 0)); // prettier-ignore
    return arms.map(({ name }) => ({ name, requests: of(name, 'requests'), sums: of(name, 'sums') }));
  }
}
