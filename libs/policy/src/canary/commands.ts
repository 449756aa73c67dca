import type { RolloutEvent } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { promote } from './promote.ts';
import { redirect, type Outcome, type RolloutState } from './state.ts';
import { releaseStatistics } from './statistics.ts';

type Command = Extract<RolloutEvent, { kind: 'command' }>;

/** A person's word comes before everything; what cannot be done is refused, and says why. */
export function obey(policy: RolloutPolicy, state: RolloutState, event: Command): Outcome {
  const { command, who, why, at } = event;
  const said = `${command} by ${who}: ${why}`;
  const only = (change: Partial<RolloutState>): Outcome => ({ state: { ...state, ...change }, verdict: 'continue', reason: said, effects: [] }); // prettier-ignore
  switch (command) {
    case 'pause':
      return only({ paused: true });
    case 'resume':
      return only({ paused: false });
    case 'freeze':
      return only({ frozen: `${who}: ${why}` });
    case 'unfreeze':
      return only({ frozen: null });
    case 'abort':
      return abort(state, said, at);
    case 'promote':
      return promoteIfAllowed(policy, state, said, at);
    case 'release':
      return release(policy, state, said, at);
  }
}

function abort(state: RolloutState, reason: string, at: number): Outcome {
  const ended: RolloutState = { ...state, phase: 'aborted', phaseAt: at, share: 0 };
  return { state: ended, verdict: 'abort', reason, effects: [{ kind: 'rollback', block: false }, { kind: 'end' }] }; // prettier-ignore
}

function promoteIfAllowed(policy: RolloutPolicy, state: RolloutState, said: string, at: number): Outcome {
  const refused = (why: string): Outcome => ({ state, verdict: 'continue', reason: `refused: ${why} (${said})`, effects: [] }); // prettier-ignore
  if (state.frozen) return refused('frozen: unfreeze first');
  if (state.phase === 'watch') return refused('it has all traffic already');
  if (state.statistics.requests.canary === 0 || state.mode === 'aa') return refused('the canary has served nothing yet'); // prettier-ignore
  return promote(policy, state, said, at);
}

/** The rollout goes on at its step, with a new clock and a new look at what it was held for. */
function release(policy: RolloutPolicy, state: RolloutState, reason: string, at: number): Outcome {
  if (state.phase !== 'asks' && !state.hold) return { state, verdict: 'continue', reason: `nothing to release (${reason})`, effects: [] }; // prettier-ignore
  const asked = state.phase === 'asks';
  const freed: RolloutState = {
    ...state,
    phase: asked ? state.mode : state.phase,
    phaseAt: asked ? at : state.phaseAt,
    clockAt: at,
    dataAt: at,
    hold: null,
    salts: 0,
    statistics: releaseStatistics(state.statistics),
  };
  const share = state.phase === 'watch' ? state.share : (policy.steps[state.step] as number);
  return { ...redirect(freed, { share }, at), verdict: 'continue', reason };
}
