import type { RolloutLogEntry } from '@frontier/contracts/registry';
import type { Decision, Rollout } from '@frontier/contracts/rollout';
import { next } from '@frontier/policy/canary/machine';
import { initialState, type RolloutState } from '@frontier/policy/canary/state';
import { canonicalJson, sha256 } from './canonical.ts';

/** One line of a log, as it was and as it comes out when the machine is run again. */
export interface Replayed {
  id: string;
  stored: Decision;
  again: Decision;
  /** Fields of the decision that are not the same. */
  differs: string[];
}

/**
 * Runs the machine over a rollout's log again and checks the log's hash chain: each hash is of the text of its line
 * behind the hash before it.
 */
export class Replay {
  readonly #rollout: Rollout;
  #state: RolloutState;
  #seq = 0;
  #hash = '';
  /** The first line that is missing or was changed. */
  broken: number | undefined;

  constructor(rollout: Rollout) {
    const { policy, stable, canary, createdAt } = rollout;
    this.#rollout = rollout;
    this.#state = initialState(policy, { stable, canary, at: createdAt });
  }

  /** The next line of the log. */
  take(entry: RolloutLogEntry): Replayed {
    this.#check(entry);
    const step = next(this.#rollout.policy, this.#state, entry.event);
    this.#state = step.state;
    return {
      id: entry.id,
      stored: entry.decision,
      again: step.decision,
      differs: difference(entry.decision, step.decision),
    };
  }

  #check({ id, rollout, seq, at, event, decision, hash }: RolloutLogEntry): void {
    this.#seq += 1;
    const made = sha256(`${this.#hash}\n${canonicalJson({ id, rollout, seq, at, event, decision })}`);
    const right =
      seq === this.#seq && rollout === this.#rollout.id && id === `${rollout}-${seq}` && made === hash;
    if (!right) this.broken ??= this.#seq;
    this.#hash = hash;
  }
}

function difference(stored: Decision, again: Decision): string[] {
  const names = new Set([...Object.keys(stored), ...Object.keys(again)]) as Set<keyof Decision>;
  return [...names].filter((name) => canonicalJson([stored[name]]) !== canonicalJson([again[name]]));
}
