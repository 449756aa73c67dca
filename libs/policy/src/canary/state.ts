import type { RolloutEffect, RolloutPhase, Verdict } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { emptySeries, latestEpoch, type Series } from './intervals.ts';
import { cutStatistics, emptyStatistics, type Statistics } from './statistics.ts';

/** Why nothing is decided. `latched`: it does not go away by itself, a person has to release it. */
export interface Hold {
  reason: string;
  since: number;
  good: number;
  latched: boolean;
}

/**
 * All that is known of a rollout: plain JSON of bounded size, a fold over its events. Whoever restores it from its
 * JSON goes on as if nothing had happened.
 */
export interface RolloutState {
  stable: string;
  canary: string;
  phase: RolloutPhase;
  mode: 'aa' | 'canary';
  share: number;
  /** Index of the policy's steps. */
  step: number;
  /** Unix ms: when the phase began, and from when on the maximum duration counts. */
  phaseAt: number;
  clockAt: number;
  /** When data were last added. */
  dataAt: number;
  paused: boolean;
  /** By whom and why. */
  frozen: string | null;
  hold: Hold | null;
  /** How often the split was salted again. */
  salts: number;
  /** Fades with each scrape; counts instances that were reset, as a part of all. */
  resets: number;
  /** Only intervals under a later epoch count: the effects of the last decision are in force. */
  epochAbove: number;
  /** Canary requests when the present step began. */
  stepRequests: number;
  series: Series;
  statistics: Statistics;
}

/** A decision without its evidence. */
export interface Outcome {
  state: RolloutState;
  verdict: Verdict;
  reason: string;
  effects: RolloutEffect[];
}

/** A rollout before its first event. `at`: unix ms. */
export function initialState(
  policy: RolloutPolicy,
  { stable, canary, at }: { stable: string; canary: string; at: number },
): RolloutState {
  const mode = policy.aaRequests > 0 ? 'aa' : 'canary';
  return {
    stable,
    canary,
    phase: mode,
    mode,
    share: policy.steps[0] as number,
    step: 0,
    phaseAt: at,
    clockAt: at,
    dataAt: at,
    paused: false,
    frozen: null,
    hold: null,
    salts: 0,
    resets: 0,
    epochAbove: -1,
    stepRequests: 0,
    series: emptySeries(),
    statistics: emptyStatistics(at),
  };
}

/** Changes who gets what. Intervals count again when the record of this change is in force. */
export function redirect(
  state: RolloutState,
  { mode = state.mode, share = state.share, newSalt = false }: Partial<Pick<RolloutState, 'mode' | 'share'>> & { newSalt?: boolean }, // prettier-ignore
  at: number,
): Pick<Outcome, 'state' | 'effects'> {
  if (mode === state.mode && share === state.share && !newSalt) return { state, effects: [] };
  const statistics = cutStatistics(state.statistics, at);
  return {
    state: { ...state, mode, share, statistics, epochAbove: latestEpoch(state.series), dataAt: at },
    effects: [{ kind: 'traffic', mode, share, newSalt }],
  };
}

/** Holds until a person releases it. */
export function latch(state: RolloutState, reason: string, at: number): RolloutState {
  if (state.hold?.latched) return state;
  return { ...state, hold: { reason, since: state.hold?.since ?? at, good: 0, latched: true } };
}
