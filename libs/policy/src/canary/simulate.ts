import type { RolloutEffect } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { seededRandom } from '../random.ts';
import { next, openingEffects } from './machine.ts';
import type { Scenario } from './scenarios.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';
import { initialState } from './state.ts';

/**
 * Requests between simulated scrapes, and seconds at most. Evidence holds at every look, so fewer looks change little
 * but the time that a simulation takes.
 */
const SCRAPE_REQUESTS = 1_000;
const SCRAPE_S = 20;
/** A run ends undecided after as many requests as arrive in two hours at 100 a second. */
const HORIZON_REQUESTS = 2 * 3_600 * 100;

export type Outcome = 'rolled back' | 'promoted' | 'asks' | 'undecided';

export interface Run {
  outcome: Outcome;
  /** Canary requests until then. */
  requests: number;
  seconds: number;
  reason: string;
}

/** How the runs of one scenario ended. */
export interface Summary {
  name: string;
  runs: number;
  outcomes: Record<Outcome, number>;
  /** Canary requests until the rollback, in the middle. */
  medianRequests: number | null;
}

/**
 * One rollout under a scenario, by the real machine, with a person who promotes what is ready. It ends with a rollback,
 * a promotion or a question.
 */
export function simulateRun(
  policy: RolloutPolicy,
  scenario: Scenario,
  seed: number,
  horizonRequests = HORIZON_REQUESTS,
): Run {
  const traffic = new SimulatedTraffic(scenario, seededRandom(seed));
  const automatic = policy.autoPromote ? policy : { ...policy, autoPromote: true };
  let state = initialState(automatic, { stable: '1', canary: '2', at: 0 });
  let outcome = obey(traffic, openingEffects(state));
  const horizon = horizonRequests / scenario.rate;
  const seconds = Math.min(SCRAPE_S, SCRAPE_REQUESTS / scenario.rate);
  for (let s = seconds; s <= horizon; s += seconds) {
    traffic.run(seconds);
    const at = s * 1_000;
    const step = next(automatic, state, { kind: 'scrape', at, scrape: traffic.scrape(at) });
    state = step.state;
    outcome = state.phase === 'asks' ? 'asks' : obey(traffic, step.effects);
    if (outcome === 'undecided' && s + seconds <= horizon) continue;
    return { outcome, requests: state.statistics.requests.canary, seconds: s, reason: step.decision.reason };
  }
  throw new Error('the horizon is shorter than a scrape');
}

function obey(traffic: SimulatedTraffic, effects: readonly RolloutEffect[]): Outcome {
  for (const effect of effects) {
    if (effect.kind === 'rollback') return 'rolled back';
    if (effect.kind === 'promote') return 'promoted';
    if (effect.kind === 'traffic') traffic.redirect(effect.mode, effect.share, effect.newSalt);
  }
  return 'undecided';
}

/** Runs `from` to `to` of a scenario: run `n` is the same whatever was run before it. */
export function simulateRuns(
  policy: RolloutPolicy,
  scenario: Scenario,
  seed: number,
  from: number,
  to: number,
): Run[] {
  // prettier-ignore
  return Array.from({ length: to - from }, (_, i) =>
    simulateRun(policy, scenario, seed * 1_000_003 + from + i),
  );
}

export function summarise(name: string, runs: readonly Run[]): Summary {
  const outcomes = { 'rolled back': 0, promoted: 0, asks: 0, undecided: 0 };
  for (const { outcome } of runs) outcomes[outcome] += 1;
  const requests = runs.filter(({ outcome }) => outcome === 'rolled back').map((run) => run.requests);
  const sorted = requests.sort((a, b) => a - b);
  return { name, runs: runs.length, outcomes, medianRequests: sorted[sorted.length >> 1] ?? null };
}
