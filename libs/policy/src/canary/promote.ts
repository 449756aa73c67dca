import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { WHOLE } from '@frontier/contracts/traffic';
import { redirect, type Outcome, type RolloutState } from './state.ts';
import { restartStatistics } from './statistics.ts';

/** All traffic. Only the objective counts from here on. */
export function promote(policy: RolloutPolicy, state: RolloutState, reason: string, at: number): Outcome {
  const statistics = restartStatistics(policy, state.statistics, at);
  const step = policy.steps.length - 1;
  const watched: RolloutState = { ...state, phase: 'watch', phaseAt: at, step, statistics, hold: null };
  const { state: after, effects } = redirect(watched, { mode: 'canary', share: WHOLE }, at);
  return { state: after, verdict: 'promote', reason, effects: [...effects, { kind: 'promote' }] };
}
