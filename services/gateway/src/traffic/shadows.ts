import { setImmediate } from 'node:timers/promises';
import type { InferenceQueue, TrafficView } from '@frontier/contracts/ports';
import { inferenceId, type Pool, type QueuePolicies } from '@frontier/contracts/queue';
import type { NewRequest, Outcome, Settled } from '@frontier/contracts/request';
import type { Logger } from '@frontier/kit/logger';
import { compareOutputs, toleranceOf } from '@frontier/policy/shadow-compare';
import { tensorsIn } from '../pipeline/answer.ts';
import { choosePool, type Route } from '../pipeline/route.ts';
import { inTime } from '../pipeline/timeout.ts';
import { uuidv7 } from '../pipeline/uuid.ts';
import type { Accepted } from '../pipeline/call.ts';
import type { ShadowFinding, ShadowReports } from './shadow-reports.ts';

/** Whose requests mirrored calls are, so that no tenant's share is used up by them. */
const SHADOW_TENANT = 'frontier.shadow';

export interface ShadowsDeps {
  queue: InferenceQueue;
  traffic: TrafficView;
  reports: ShadowReports;
  policies: QueuePolicies;
  pools: readonly Pool[];
  /** Mirrored calls under way at once at most. */
  most: number;
  log: Logger;
}

/**
 * Runs copies of calls on a candidate and compares what comes of both. Nobody waits for a copy: it runs at `low`, only
 * while nobody waits for the pool, and is neither counted nor answered as a call.
 */
export class Shadows {
  readonly #deps: ShadowsDeps;
  #underWay = 0;

  constructor(deps: ShadowsDeps) {
    this.#deps = deps;
  }

  /** Never throws, and does nothing at once: the call itself goes first. */
  mirror(accepted: Accepted, shadow: NonNullable<Route['shadow']>): void {
    const { queue, policies, pools, most, reports, log } = this.#deps;
    const { spec } = shadow.model;
    const pool = choosePool(spec, policies.low.pool, pools);
    if (this.#underWay >= most || !queue.roomy(pool)) return reports.add(shadow.id, spec, { result: 'shed' });
    this.#underWay += 1;
    void this.#run(accepted, shadow, pool)
      .catch((error: unknown) => {
        // Outputs that are no tensors.
        log.warn({ err: error, model: spec.name, version: spec.version }, 'a shadow cannot be compared');
        reports.add(shadow.id, spec, { result: 'failed' });
      })
      .finally(() => (this.#underWay -= 1));
  }

  async #run(
    { id, request }: Accepted,
    { id: shadow, model }: NonNullable<Route['shadow']>,
    pool: Pool,
  ): Promise<void> {
    // prettier-ignore
    const { queue, traffic, reports } = this.#deps;
    const { spec } = model;
    const copy: NewRequest = {
      id: inferenceId(uuidv7(), queue.shardFor('low', pool)),
      tenant: SHADOW_TENANT,
      model: spec.name,
      version: spec.version,
      priority: 'low',
      pool,
      mode: 'sync',
      timeoutMs: request.timeoutMs,
      payload: request.payload,
      params: request.params,
    };
    const endOf = (one: string, tenant: string) => inTime(queue.wait(one, tenant), request.timeoutMs, false).catch(() => undefined); // prettier-ignore
    const original = endOf(id, request.tenant);
    await setImmediate();
    const submitted = await queue.submit(copy).catch(() => undefined);
    if (!submitted) return reports.add(shadow, spec, { result: 'shed' });
    const [stable, candidate] = await Promise.all([original, endOf(copy.id, SHADOW_TENANT)]);
    // A version that was blocked meanwhile has been replaced by stable.
    const replaced = candidate && candidate.outcome.version !== spec.version;
    // Nobody asks any more.
    if (traffic.get(spec.name)?.shadow?.id !== shadow) return;
    reports.add(shadow, spec, replaced ? { result: 'shed' } : findingOf(stable, candidate, spec.task));
  }
}

function findingOf(stable: Settled | undefined, candidate: Settled | undefined, task: string): ShadowFinding {
  if (stable?.outcome.status !== 'completed') return { result: 'unpaired' };
  if (candidate?.outcome.status === 'cancelled') return { result: 'shed' };
  if (candidate?.outcome.status !== 'completed') return { result: 'failed' };
  const { same, difference } = compareOutputs(tensorsIn(stable.outputs), tensorsIn(candidate.outputs), toleranceOf(task)); // prettier-ignore
  const latency = { stable: executionS(stable.outcome), candidate: executionS(candidate.outcome) };
  return { result: same ? 'same' : 'different', compared: { difference, latency } };
}

/** Waiting differs by priority; execution does not. */
function executionS({ timing }: Outcome): number | undefined {
  return timing && timing.compute / 1000;
}
