import { AppError } from '@frontier/contracts/errors';
import type { Decision, Rollout } from '@frontier/contracts/rollout';
import { failpoint } from '@frontier/kit/failpoint';
import { EnvironmentChanges } from './environment.ts';
import type { Tools } from './ports.ts';
import { attachRootCause } from './root-cause.ts';
import type { Standing } from './standing.ts';
import type { Waiting } from './waiting.ts';
import { entry, lower, raise } from './versions.ts';

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 30_000;

type Chore = 'raise' | 'git-promote' | 'block' | 'lower' | 'root-cause' | 'git-rollback' | 'git-settle' | 'report' | 'finish'; // prettier-ignore

/** What has to be done about a standing besides the traffic, in order; Git last, since it may be away. */
function choresOf({ promoted, rolledBack, ended }: Standing): Chore[] {
  const chores: Chore[] = [];
  if (rolledBack) {
    if (rolledBack.block) chores.push('block');
    chores.push('lower', 'root-cause', 'git-rollback');
  } else if (promoted) {
    chores.push('raise', 'git-promote');
    if (ended) chores.push('git-settle');
  }
  return ended ? [...chores, 'report', 'finish'] : chores;
}

/**
 * Does what was decided, beside the loop of scrapes: nothing there waits for Git. Each chore can be done twice; what a
 * crash has left undone is done after the log was folded again. A failed one is tried again, slower each time.
 */
export class Chores {
  readonly #tools: Tools;
  readonly #rollout: Rollout;
  readonly #changes: EnvironmentChanges;
  readonly #waiting: Waiting;
  readonly #done = new Set<Chore>();
  #running: Promise<void> | undefined;
  #failures = 0;
  #dueAt = 0;
  #conflict: string | undefined;

  constructor(tools: Tools, rollout: Rollout, waiting: Waiting) {
    this.#tools = tools;
    this.#rollout = rollout;
    this.#waiting = waiting;
    this.#changes = new EnvironmentChanges(tools, rollout);
  }

  /** Why the rollout must not go on: Git was changed by somebody else. */
  get conflict(): string | undefined {
    return this.#conflict;
  }

  finished(standing: Standing): boolean {
    return standing.ended !== undefined && choresOf(standing).every((chore) => this.#done.has(chore));
  }

  /** Begins with what is due, unless it is at it. `standing` is asked anew before each chore. */
  start(
    standing: () => Standing,
    last: () => Decision | undefined,
    signal: AbortSignal,
    mayAct: () => boolean,
  ): void {
    // prettier-ignore
    if (this.#running || performance.now() < this.#dueAt) return;
    this.#running = this.#run(standing, last, signal, mayAct).finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(
    standing: () => Standing,
    last: () => Decision | undefined,
    signal: AbortSignal,
    mayAct: () => boolean,
  ): Promise<void> {
    // prettier-ignore
    const { metrics, log } = this.#tools;
    for (;;) {
      const chore = choresOf(standing()).find((one) => !this.#done.has(one));
      if (!chore || !mayAct()) return;
      try {
        await failpoint(`canary.${chore}.before`, this.#rollout.id);
        await this.#do(chore, standing(), last(), signal);
        await failpoint(`canary.${chore}.after`, this.#rollout.id);
        this.#done.add(chore);
        this.#failures = 0;
        log.info({ rollout: this.#rollout.id, chore }, 'done');
        await this.#waiting.say('chore', null);
      } catch (error) {
        metrics.failures.inc({ model: this.#rollout.model, effect: chore });
        log.error({ rollout: this.#rollout.id, chore, err: error }, 'failed; it is tried again');
        await this.#waiting.say('chore', `${chore} is tried again: ${(error as Error).message}`);
        this.#dueAt = performance.now() + Math.min(FIRST_WAIT_MS * 2 ** this.#failures, MAX_WAIT_MS);
        this.#failures += 1;
        return;
      }
    }
  }

  async #do(
    chore: Chore,
    standing: Standing,
    last: Decision | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { registry, rollouts, baseline } = this.#tools;
    const rollout = this.#rollout;
    switch (chore) {
      case 'raise':
        return raise(registry, rollout, standing);
      case 'lower':
        return lower(registry, rollout, standing);
      case 'block':
        return this.#block(standing);
      case 'root-cause':
        return attachRootCause(registry, rollouts, rollout, standing);
      case 'git-promote':
        return this.#unlessChanged(this.#changes.promote(standing, signal), true);
      case 'git-rollback':
        // Until Git does not name the digest any more: somebody who mends the file must not bring it back.
        return this.#changes.rollBack(standing, signal);
      case 'git-settle':
        return this.#unlessChanged(this.#changes.settle(standing, signal), false);
      case 'report':
        return baseline.conclude(rollout, standing, last);
      case 'finish':
        return this.#finish(standing);
    }
  }

  /** A file that somebody else has changed stays as it is. A promotion then has not happened. */
  async #unlessChanged(change: Promise<void>, isPromotion: boolean): Promise<void> {
    try {
      await change;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'CONFLICT')) throw error;
      this.#tools.log.error({ rollout: this.#rollout.id, err: error }, 'Git was changed meanwhile; left as it is'); // prettier-ignore
      if (isPromotion) this.#conflict = `Git: ${error.message}`;
    }
  }

  async #block({ rolledBack }: Standing): Promise<void> {
    const { rollouts } = this.#tools;
    const { id, canaryDigest } = this.#rollout;
    if ((await rollouts.blocked()).includes(canaryDigest)) return;
    const audit = entry('digest.block', `digest/${canaryDigest}`, null, { rollout: id }, rolledBack?.reason ?? ''); // prettier-ignore
    await rollouts.block(canaryDigest, id, audit);
  }

  async #finish({ phase, ended }: Standing): Promise<void> {
    const { audit } = this.#tools;
    if (await isFinished(audit, this.#rollout.id)) return;
    await audit.append(entry(FINISHED, `rollout/${this.#rollout.id}`, null, { phase }, ended?.reason ?? ''));
  }
}

const FINISHED = 'rollout.finished';

/** Whether everything was done that the end of a rollout asks for. */
export async function isFinished(audit: Pick<Tools['audit'], 'list'>, rollout: string): Promise<boolean> {
  const { items } = await audit.list({ subject: `rollout/${rollout}` }, 20);
  return items.some(({ action }) => action === FINISHED);
}
