import type { RolloutEvent, RolloutPhase, RolloutStep } from '@frontier/contracts/rollout';
import type { RolloutState } from '@frontier/policy/canary/state';
import { driftReasons } from './drift.ts';

/** A decision whose effects outlive the moment: known by its id in the log. */
interface Mark {
  decision: string;
  at: number;
  reason: string;
  sha256: string;
}

/** What a rollout's log says has to be in force; made by folding it, so a restart knows the same. */
export interface Standing {
  phase: RolloutPhase;
  mode: 'aa' | 'canary';
  share: number;
  /** Metrics were looked at, so everything that comes before a rollout is done. */
  observed: boolean;
  /** Who froze it last and was not undone. */
  frozen: { who: string; why: string } | undefined;
  /** The drifts that it was frozen for; a person who ends that freeze is not asked twice. */
  drifts: readonly string[];
  /** Who pressed promote. */
  approvedBy: string | undefined;
  promoted: Mark | undefined;
  rolledBack: (Mark & { block: boolean }) | undefined;
  ended: Mark | undefined;
}

export function initialStanding({ phase, mode, share }: RolloutState): Standing {
  return {
    phase,
    mode,
    share,
    observed: false,
    frozen: undefined,
    drifts: [],
    approvedBy: undefined,
    promoted: undefined,
    rolledBack: undefined,
    ended: undefined,
  };
}

/** The standing after one line of the log. `sha256`: of the line's evidence. */
export function after(
  standing: Standing,
  event: RolloutEvent,
  { state, decision, effects }: RolloutStep<RolloutState>,
  { id, sha256 }: { id: string; sha256: string },
): Standing {
  const { phase, share, reason } = decision;
  const drifts = [...standing.drifts, ...driftReasons(event)];
  const next: Standing = { ...standing, phase, share, mode: state.mode, drifts };
  const mark: Mark = { decision: id, at: event.at, reason, sha256 };
  if (event.kind !== 'command') next.observed = true;
  else if (event.command === 'freeze') next.frozen = { who: event.who, why: event.why };
  else if (event.command === 'unfreeze') next.frozen = undefined;
  const pressed = event.kind === 'command' ? event.who : undefined;
  for (const effect of effects) {
    if (effect.kind === 'promote') {
      next.promoted ??= mark;
      next.approvedBy = pressed;
    }
    if (effect.kind === 'rollback') next.rolledBack ??= { ...mark, block: effect.block };
  }
  if (isEnd(phase)) {
    next.ended ??= mark;
    if (phase !== 'promoted') next.rolledBack ??= { ...mark, block: phase === 'rolled-back' };
  }
  return next;
}

export function isEnd(phase: RolloutPhase): boolean {
  return phase === 'promoted' || phase === 'rolled-back' || phase === 'aborted';
}
