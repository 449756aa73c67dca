import type { RolloutStore } from '@frontier/contracts/registry';

const MAX_TEXT = 500;

/** What may be in the way: what comes before the first call, a step of the loop, what is done beside it. */
type What = 'begin' | 'step' | 'chore';

/** Tells people what a rollout waits for, where they look at it: in its row. Says each thing once. */
export class Waiting {
  readonly #rollouts: Pick<RolloutStore, 'wait'>;
  readonly #rollout: string;
  readonly #reasons = new Map<What, string>();
  /** Undefined: whatever another controller said. */
  #told: string | null | undefined;

  constructor(rollouts: Pick<RolloutStore, 'wait'>, rollout: string) {
    this.#rollouts = rollouts;
    this.#rollout = rollout;
  }

  /** Null: nothing (any more). Never rejects: nothing depends on it, and it is said again next time. */
  async say(what: What, reason: string | null): Promise<void> {
    if (reason === null) this.#reasons.delete(what);
    else this.#reasons.set(what, reason);
    const text = [...this.#reasons.values()].join('; ').slice(0, MAX_TEXT) || null;
    if (text === this.#told) return;
    await this.#rollouts.wait(this.#rollout, text).then(
      () => void (this.#told = text),
      () => undefined,
    );
  }
}
