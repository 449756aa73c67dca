import { AppError } from '@frontier/contracts/errors';
import type { Rollout } from '@frontier/contracts/rollout';
import { failpoint } from '@frontier/kit/failpoint';
import { approverOf } from './approval.ts';
import { EnvironmentChanges } from './environment.ts';
import type { Tools } from './ports.ts';
import { sha256Of } from './rollout-log.ts';
import type { Standing } from './standing.ts';
import type { Waiting } from './waiting.ts';

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 30_000;
const SLOT_POLL_MS = 1_000;

/**
 * What comes before the first call to a canary: stable is pinned, the version may be served, somebody else than its
 * author stands for it, Git names it as the candidate, its slot in the cluster serves it, control was measured. All of it can be done twice.
 */
export class Opening {
  readonly #tools: Tools;
  readonly #rollout: Rollout;
  readonly #changes: EnvironmentChanges;
  readonly #waiting: Waiting;
  #done = false;
  #failures = 0;
  #dueAt = 0;
  /** That made the canary the candidate. */
  #commit: string | undefined;
  #waitsFor: string | undefined;

  constructor(tools: Tools, rollout: Rollout, waiting: Waiting) {
    this.#tools = tools;
    this.#rollout = rollout;
    this.#waiting = waiting;
    this.#changes = new EnvironmentChanges(tools, rollout);
  }

  /** `refused`: why the rollout cannot begin at all. Neither: it waits, for Git for example, and is to be asked again. */
  async proceed(standing: Standing, signal: AbortSignal): Promise<{ done: boolean; refused?: string }> {
    if (this.#done || performance.now() < this.#dueAt) return { done: this.#done };
    const { log, metrics, baseline } = this.#tools;
    const { id, model, policy } = this.#rollout;
    try {
      await this.#pin();
      await this.#check(standing);
      await failpoint('canary.propose.before', id);
      this.#commit ??= await this.#changes.propose(standing, sha256Of(policy), signal);
      await failpoint('canary.propose.after', id);
      if (await this.#waits(signal)) return { done: false };
      await baseline.measure(this.#rollout, signal);
      await failpoint('canary.baseline.after', id);
      this.#done = true;
      await this.#waiting.say('begin', null);
      return { done: true };
    } catch (error) {
      if (isFinal(error)) return { done: false, refused: (error as Error).message };
      metrics.failures.inc({ model, effect: 'opening' });
      log.error({ rollout: id, err: error }, 'the rollout cannot begin yet; it is tried again');
      await this.#waiting.say('begin', `cannot begin yet: ${(error as Error).message}`);
      this.#dueAt = performance.now() + Math.min(FIRST_WAIT_MS * 2 ** this.#failures, MAX_WAIT_MS);
      this.#failures += 1;
      return { done: false };
    }
  }

  /** Whether the candidate's slot is not ready. */
  async #waits(signal: AbortSignal): Promise<boolean> {
    const { slots, log } = this.#tools;
    const { id, model, canary: version } = this.#rollout;
    if (!slots || this.#commit === undefined) return false;
    const why = await slots.waitsFor({ model, version, commit: this.#commit }, signal);
    if (why !== this.#waitsFor) log.info({ rollout: id, why }, why === undefined ? 'the slot is ready' : 'waits for the slot'); // prettier-ignore
    this.#waitsFor = why;
    await this.#waiting.say('begin', why === undefined ? null : `waits for the slot: ${why}`);
    this.#dueAt = performance.now() + SLOT_POLL_MS;
    return why !== undefined;
  }

  /** Without a record the highest version would be served. */
  async #pin(): Promise<void> {
    const { traffic } = this.#tools;
    const { id, model, stable } = this.#rollout;
    const found = await traffic.get(model);
    if (found?.rollout && found.rollout.id !== id)
      throw new AppError('UNAVAILABLE', `rollout ${found.rollout.id} has the traffic of ${model} still`);
    if (found && found.stable !== stable)
      throw new AppError('BLOCKED', `version ${found.stable} of ${model} has the traffic, the rollout is against ${stable}: start a new one`); // prettier-ignore
    if (found) return;
    await traffic.put({ model, stable, blocked: [], rollout: null, shadow: null, experiment: null }, 0);
  }

  async #check(standing: Standing): Promise<void> {
    const { registry, rollouts } = this.#tools;
    const { model, stable, canary, canaryDigest } = this.#rollout;
    const control = (await registry.version(model, stable))?.state;
    if (control !== 'production')
      throw new AppError('BLOCKED', `version ${stable} of ${model} is ${control ?? 'not registered'}, not in production: start a new rollout`); // prettier-ignore
    const record = await registry.version(model, canary);
    const fault = !record
      ? 'is not registered'
      : record.digest !== canaryDigest
        ? `is registered with another digest, ${record.digest}`
        : record.state !== 'approved'
          ? `is ${record.state}, not approved`
          : (await rollouts.blocked()).includes(canaryDigest)
            ? 'is blocked: publish a new digest, or unblock this one'
            : undefined;
    if (fault !== undefined) throw new AppError('BLOCKED', `version ${canary} of ${model} ${fault}`);
    await approverOf(registry, this.#rollout, standing.approvedBy).catch((error: AppError) => {
      throw error.code === 'FORBIDDEN' ? new AppError('BLOCKED', error.message) : error;
    });
  }
}

/** A remote that refuses a push may be put right; a file that says something else is a decision. */
function isFinal(error: unknown): boolean {
  return error instanceof AppError && ['BLOCKED', 'CONFLICT', 'INVALID_INPUT', 'NOT_FOUND'].includes(error.code); // prettier-ignore
}
