import type { Experiment, GatewayKpi } from '@frontier/contracts/experiment';
import type { AuditStore } from '@frontier/contracts/registry';
import type { Logger } from '@frontier/kit/logger';
import { experimentResult, type ExperimentResult } from '@frontier/policy/experiment';
import type { ExperimentStore } from '@frontier/redis/experiments';
import type { TrafficStore } from '@frontier/redis/traffic';
import { entry } from './versions.ts';

const LOOK_MS = 10_000;
/** All that are kept. */
const MAX_LISTED = 1_000;
const ENDED = 'experiment.end';

export interface ExperimentTools {
  experiments: Pick<ExperimentStore, 'list' | 'counts' | 'put'>;
  traffic: Pick<TrafficStore, 'get' | 'put'>;
  audit: Pick<AuditStore, 'append' | 'list'>;
  log: Logger;
}

/**
 * Ends experiments that have their answer, or that never will: all arms decided, the horizon reached, or shares that
 * prove nothing. Their calls go back to stable; nobody gets more because of it, that takes a rollout.
 */
export class ExperimentEnds {
  readonly #tools: ExperimentTools;
  #dueAt = 0;

  constructor(tools: ExperimentTools) {
    this.#tools = tools;
  }

  /** Looks at them if it is time to. Never rejects: what failed is tried at the next look. */
  async look(mayAct: () => boolean): Promise<void> {
    if (performance.now() < this.#dueAt) return;
    this.#dueAt = performance.now() + LOOK_MS;
    const { experiments, log } = this.#tools;
    try {
      for (const experiment of await experiments.list(MAX_LISTED)) {
        if (experiment.endedAt === null && mayAct()) await this.#consider(experiment, mayAct);
      }
    } catch (error) {
      log.error({ err: error }, 'the experiments could not be looked at; tried again');
    }
  }

  async #consider(experiment: Experiment, mayAct: () => boolean): Promise<void> {
    const { experiments, log } = this.#tools;
    const { plan, startedAt } = experiment;
    try {
      const at = Date.now();
      const arms = await experiments.counts(experiment, plan.kpi.name as GatewayKpi);
      const result = experimentResult(plan, { startedAt, arms }, at);
      if (result.status !== 'running' && mayAct()) await this.#end(experiment, result, at);
    } catch (error) {
      log.error({ experiment: plan.id, err: error }, 'the experiment could not be ended; tried again');
    }
  }

  /** Each step may be done twice. The entry in the audit log comes first: nothing is changed without. */
  async #end(experiment: Experiment, { status, sentences }: ExperimentResult, at: number): Promise<void> {
    const { experiments, traffic, audit, log } = this.#tools;
    const { plan, model, arms } = experiment;
    const subject = `experiment/${plan.id}`;
    const { items } = await audit.list({ subject }, 20);
    if (!items.some(({ action }) => action === ENDED)) {
      const why = sentences.at(status === 'broken' ? 0 : -1) ?? status;
      await audit.append(entry(ENDED, subject, { arms }, { status, sentences }, why));
    }
    const found = await traffic.get(model);
    if (found?.experiment?.id === plan.id) await traffic.put({ ...found, experiment: null }, found.epoch);
    await experiments.put({ ...experiment, endedAt: at });
    log.info({ experiment: plan.id, model, status, sentences }, 'experiment ended');
  }
}
