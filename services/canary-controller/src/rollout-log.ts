import { createHash, randomBytes } from 'node:crypto';
import type { Decision, Rollout, RolloutEvent, RolloutStep } from '@frontier/contracts/rollout';
import type { RolloutLogEntry, RolloutStore } from '@frontier/contracts/registry';
import { failpoint } from '@frontier/kit/failpoint';
import type { Logger } from '@frontier/kit/logger';
import { next } from '@frontier/policy/canary/machine';
import { initialState, type RolloutState } from '@frontier/policy/canary/state';
import { after, initialStanding, isEnd, type Standing } from './standing.ts';

const PAGE = 200;

/** A rollout's log, its state as the fold over it, and the only way to change either. */
export class RolloutLog {
  readonly #store: RolloutStore;
  #rollout: Rollout;
  #state: RolloutState;
  #standing: Standing;
  #seq = 0;
  #at = 0;
  #last: Decision | undefined;
  #lastOrder: string | undefined;

  private constructor(store: RolloutStore, rollout: Rollout) {
    this.#store = store;
    this.#rollout = rollout;
    this.#state = initialState(rollout.policy, { stable: rollout.stable, canary: rollout.canary, at: rollout.createdAt }); // prettier-ignore
    this.#standing = initialStanding(this.#state);
  }

  /** Folds what is there. */
  static async open(store: RolloutStore, rollout: Rollout, log: Logger): Promise<RolloutLog> {
    const opened = new RolloutLog(store, rollout);
    for (;;) {
      const entries = await store.log(rollout.id, opened.#seq, PAGE);
      for (const entry of entries) opened.#fold(entry, log);
      if (entries.length < PAGE) return opened;
    }
  }

  get rollout(): Rollout {
    return this.#rollout;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get last(): Decision | undefined {
    return this.#last;
  }

  /** Of the line that `take` writes next. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  /** The id of the newest order that was obeyed. */
  get lastOrder(): string | undefined {
    return this.#lastOrder;
  }

  /**
   * Decides about an event and writes both down; only then anything may be done about it. The time of an event never
   * falls, whatever the clock does. Throws CONFLICT when somebody else has written.
   */
  async take(event: RolloutEvent): Promise<Decision> {
    const timed = { ...event, at: Math.max(event.at, this.#at) };
    const step = next(this.#rollout.policy, this.#state, timed);
    const { phase, share } = step.decision;
    const newSalt = step.effects.some((effect) => effect.kind === 'traffic' && effect.newSalt);
    const salt = newSalt ? randomBytes(12).toString('hex') : this.#rollout.salt;
    const endedAt = isEnd(phase) ? (this.#rollout.endedAt ?? timed.at) : null;
    const change = { phase, share, salt, endedAt };
    await failpoint('canary.append.before', this.#rollout.id);
    const entry = await this.#store.append(
      { rollout: this.#rollout.id, seq: this.nextSeq, at: timed.at, event: timed, decision: step.decision },
      change,
    );
    await failpoint('canary.append.after', this.#rollout.id);
    this.#rollout = { ...this.#rollout, ...change };
    this.#apply(entry, step);
    return step.decision;
  }

  #fold(entry: RolloutLogEntry, log: Logger): void {
    const step = next(this.#rollout.policy, this.#state, entry.event);
    if (step.decision.verdict !== entry.decision.verdict) {
      log.error({ decision: entry.id, was: entry.decision.verdict, is: step.decision.verdict }, 'a replay decides otherwise'); // prettier-ignore
    }
    this.#apply(entry, step);
  }

  #apply(entry: RolloutLogEntry, step: RolloutStep<RolloutState>): void {
    const { id, seq, event } = entry;
    this.#state = step.state;
    this.#standing = after(this.#standing, event, step, { id, sha256: sha256Of(entry.decision) });
    this.#last = step.decision;
    this.#seq = seq;
    this.#at = event.at;
    if (event.kind === 'command') this.#lastOrder = event.order ?? this.#lastOrder;
  }
}

/** Of the decision with its evidence, as it is in the log. */
export function sha256Of(value: unknown): string {
  return `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`;
}
