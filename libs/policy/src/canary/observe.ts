import type { RolloutEvent, Scrape } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { WHOLE } from '@frontier/contracts/traffic';
import { faultOf, readInterval, type Interval } from './intervals.ts';
import type { RolloutState } from './state.ts';
import { addInterval } from './statistics.ts';

/** Nothing was counted for this many times as long as a scrape may be old, or as they are apart. */
const SILENCE = 6;
/** More than one and a half times all instances were reset within about ten scrapes. */
const RESET_STORM = 1.5;
const RESETS_KEPT = 0.9;

/** Takes in a scrape or a fault: counts what was gained, begins and ends holds. */
export function observe(
  policy: RolloutPolicy,
  state: RolloutState,
  event: Exclude<RolloutEvent, { kind: 'command' }>,
): RolloutState {
  if (event.kind === 'fault') return held(policy, state, `no scrape: ${event.reason}`, event.at);
  const { scrape, at } = event;
  // Clocks apart look like a stale scrape, in either direction.
  if (Math.abs(at - scrape.at) > policy.staleMs) return held(policy, state, 'the scrape is stale', at);
  const fault = faultOf(state.series, scrape);
  if (fault) return held(policy, state, `the scrape is ${fault}`, at);
  const { series, interval } = readInterval(state.series, scrape, state.epochAbove);
  if (series === state.series) return state;
  const counted = count(policy, { ...state, series }, scrape, interval, state.series.at);
  const after = isFed(counted, interval) ? { ...counted, dataAt: at } : counted;
  return held(policy, after, troubleOf(policy, after, at), at);
}

function count(
  policy: RolloutPolicy,
  state: RolloutState,
  { bounds, at }: Scrape,
  interval: Interval,
  before: number,
): RolloutState {
  const { instances, resets } = interval;
  const context = { mode: state.mode, bounds, at, elapsedMs: at - before, alone: state.share === WHOLE };
  return {
    ...state,
    resets: state.resets * RESETS_KEPT + (instances > 0 ? resets / instances : 0),
    statistics: addInterval(policy, state.statistics, interval, context),
  };
}

/** Both sides were given requests, or the canary where it is alone. */
function isFed({ share }: RolloutState, { assigned }: Interval): boolean {
  return assigned.canary > 0 && (assigned.control > 0 || share === WHOLE);
}

function troubleOf(
  { staleMs, scrapeMs }: RolloutPolicy,
  state: RolloutState,
  at: number,
): string | undefined {
  if (state.resets > RESET_STORM) return 'counters are reset again and again';
  if (state.share > 0 && at - state.dataAt > SILENCE * Math.max(staleMs, scrapeMs))
    return 'no requests on both sides';
  return undefined;
}

function held(
  policy: RolloutPolicy,
  state: RolloutState,
  trouble: string | undefined,
  at: number,
): RolloutState {
  // prettier-ignore
  const { hold } = state;
  if (hold?.latched) return state;
  if (trouble) return { ...state, hold: { reason: trouble, since: hold?.since ?? at, good: 0, latched: false } }; // prettier-ignore
  if (!hold) return state;
  return { ...state, hold: hold.good + 1 >= policy.goodScrapes ? null : { ...hold, good: hold.good + 1 } };
}
