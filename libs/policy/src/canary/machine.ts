import {
  type Decision,
  type Evidence,
  type RolloutEffect,
  type RolloutEvent,
  type RolloutPhase,
  type RolloutStep,
  type Verdict,
} from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { WHOLE } from '@frontier/contracts/traffic';
import { obey } from './commands.ts';
import { assess, estimate, imbalance, type Assessment } from './evidence.ts';
import { observe } from './observe.ts';
import { promote } from './promote.ts';
import { alarms, breach, HALVES_DIFFER, IMBALANCED, intolerable, unproven, worse } from './rules.ts';
import { latch, redirect, type Outcome, type RolloutState } from './state.ts';
import { chooseTails, restartStatistics } from './statistics.ts';

/** Splits that are tried before a person is asked. */
const MAX_SALTS = 3;
const PROVEN = 'proven to be no worse than control';

/** What has to be done when a rollout begins, before its first event. */
export function openingEffects(state: RolloutState): RolloutEffect[] {
  return [{ kind: 'traffic', mode: state.mode, share: state.share, newSalt: false }];
}

/**
 * The next decision about a rollout. Pure: the same events in the same order give the same decisions.
 *
 * Effects: `traffic` changes the traffic record. `rollback` takes the canary's traffic away and, with `block`, its
 * digest out of service. `promote` makes the canary stable (registry, Git); `traffic` with all of the share comes
 * before it, and the rollout stays in the record so that its metrics go on. `end` takes the rollout out of the
 * record: stable is then the canary if the phase is `promoted`, else what it was.
 */
export function next(
  policy: RolloutPolicy,
  state: RolloutState,
  event: RolloutEvent,
): RolloutStep<RolloutState> {
  if (isOver(state.phase)) return step(policy, { state, verdict: 'continue', reason: 'it is over', effects: [] }); // prettier-ignore
  if (event.kind === 'command') {
    const outcome = obey(policy, state, event);
    return step(policy, outcome);
  }
  return step(policy, decide(policy, observe(policy, state, event), event));
}

type Observation = Exclude<RolloutEvent, { kind: 'command' }>;

const isOver = (phase: RolloutPhase) => ['promoted', 'rolled-back', 'aborted'].includes(phase);

function step(policy: RolloutPolicy, outcome: Outcome): RolloutStep<RolloutState> {
  const { state, verdict, reason, effects } = outcome;
  const known = assess(policy, state.statistics, state.series.bounds).evidence;
  const decision: Decision = {
    verdict,
    reason,
    phase: state.phase,
    share: state.share,
    evidence: known,
    alarms:
      state.mode === 'canary' ? alarms(policy, known, state.share / WHOLE, state.statistics.assigned) : [],
  };
  return { state, decision, effects };
}

const say = (state: RolloutState, verdict: Verdict, reason: string): Outcome => ({ state, verdict, reason, effects: [] }); // prettier-ignore

/** The order is the precedence: objective, hold, rollback, promotion. A person's word has been obeyed before. */
function decide(policy: RolloutPolicy, observed: RolloutState, event: Observation): Outcome {
  const { at } = event;
  const assessment = assess(policy, observed.statistics, observed.series.bounds);
  const known = assessment.evidence;
  const alone = observed.share === WHOLE;
  const broken = observed.mode === 'canary' ? breach(policy, known, alone) : undefined;
  if (broken) return rollBack(observed, broken, at);
  const state = suspect(policy, observed, known, at);
  if (state.phase === 'watch') return watch(policy, state, at);
  // A canary that waits for a person with its share is not left unseen.
  if (state.hold && (state.phase !== 'asks' || state.share > 0)) return onHold(policy, state, state.hold, at);
  const wrong = state.mode === 'canary' && !state.hold ? worse(policy, known) : undefined;
  if (wrong) return rollBack(state, wrong, at);
  if (state.phase === 'asks') return say(state, 'ask', 'waits for a person: release, promote or abort');
  if (state.phase !== 'ready' && at - state.clockAt >= policy.maxDurationMs)
    return say({ ...state, phase: 'asks', phaseAt: at }, 'ask', 'inconclusive: the maximum duration is over');
  return state.mode === 'aa'
    ? aa(policy, state, at)
    : canary(policy, closeBlock(policy, state, at), assessment, event);
}

function rollBack(state: RolloutState, reason: string, at: number): Outcome {
  const ended: RolloutState = { ...state, phase: 'rolled-back', phaseAt: at, share: 0 };
  return { state: ended, verdict: 'rollback', reason, effects: [{ kind: 'rollback', block: true }, { kind: 'end' }] }; // prettier-ignore
}

/** Assumptions that are broken: nothing that rests on them is decided before a person has looked. */
function suspect(policy: RolloutPolicy, state: RolloutState, known: Evidence, at: number): RolloutState {
  // prettier-ignore
  if (known.eSampleRatio >= 1 / policy.alpha)
    return latch(state, 'not as many of the assigned requests end on both sides', at);
  if (known.eHalves >= HALVES_DIFFER) return latch(state, 'assumption broken: halves of one side differ', at);
  return state;
}

function onHold(
  policy: RolloutPolicy,
  state: RolloutState,
  hold: { since: number; reason: string },
  at: number,
): Outcome {
  // prettier-ignore
  if (at - hold.since < policy.holdMs) return say(state, 'hold', hold.reason);
  const asking = redirect({ ...state, phase: 'asks', phaseAt: at }, { share: 0 }, at);
  return { ...asking, verdict: 'ask', reason: `on hold for too long: ${hold.reason}` };
}

/** Both sides are on stable: is the split fair? */
function aa(policy: RolloutPolicy, state: RolloutState, at: number): Outcome {
  const { control, canary } = state.statistics.requests;
  const got = Math.min(control, canary);
  if (got < policy.aaRequests) return say(state, 'continue', `A/A: ${got} of ${policy.aaRequests} requests a side`); // prettier-ignore
  if (state.frozen || state.paused) return say(state, 'continue', still(state));
  const unfair = imbalance(state.statistics);
  if (unfair >= IMBALANCED) return saltAgain(policy, state, unfair, at);
  const statistics = restartStatistics(policy, chooseTails(policy, state.statistics, true), at);
  const begun: RolloutState = { ...state, phase: 'canary', phaseAt: at, statistics, stepRequests: 0 };
  return {
    ...redirect(begun, { mode: 'canary' }, at),
    verdict: 'advance',
    reason: 'A/A: both sides are alike',
  };
}

function saltAgain(policy: RolloutPolicy, state: RolloutState, unfair: number, at: number): Outcome {
  const statistics = { ...restartStatistics(policy, state.statistics, at), tails: null, tests: null };
  if (state.salts >= MAX_SALTS) {
    const asking = redirect({ ...state, phase: 'asks', phaseAt: at, statistics }, { share: 0 }, at);
    return { ...asking, verdict: 'ask', reason: `A/A: no split of ${MAX_SALTS + 1} is fair` };
  }
  const salted = redirect({ ...state, salts: state.salts + 1, statistics }, { newSalt: true }, at);
  return {
    ...salted,
    verdict: 'continue',
    reason: `A/A: sides differ (e = ${unfair.toFixed(1)}), salted again`,
  };
}

const still = ({ paused, frozen }: RolloutState) => paused ? 'paused by a person' : `frozen by ${frozen}`; // prettier-ignore

function closeBlock(policy: RolloutPolicy, state: RolloutState, at: number): RolloutState {
  const { block, stableBlocks } = state.statistics;
  const requests = block.sides?.canary.ended ?? 0;
  if (at - block.at < policy.blockMs || requests < policy.blockRequests) return state;
  const bad = intolerable(policy, estimate(policy, block.sides, state.series.bounds));
  const statistics = { ...state.statistics, block: { at, sides: null }, stableBlocks: bad ? 0 : stableBlocks + 1 }; // prettier-ignore
  return { ...state, statistics };
}

function canary(
  policy: RolloutPolicy,
  state: RolloutState,
  { evidence: known, estimates }: Assessment,
  event: Observation,
): Outcome {
  const { at } = event;
  const last = state.step >= policy.steps.length - 2;
  const requests = known.requests.canary - state.stepRequests;
  const missing = last
    ? unproven(policy, known, state.statistics.stableBlocks)
    : requests < policy.advanceRequests
      ? `${requests} of ${policy.advanceRequests} canary requests at this step`
      : undefined;
  const against = missing ?? intolerable(policy, estimates);
  if (against) return say({ ...state, phase: 'canary' }, 'continue', against);
  if (state.paused || state.frozen) return say(state, 'continue', still(state));
  if (last) {
    const unmet = event.kind === 'scrape' ? event.unmet : undefined;
    if (unmet !== undefined || !policy.autoPromote) return ready(state, unmet, at);
    return promote(policy, state, PROVEN, at);
  }
  const nextStep = { ...state, step: state.step + 1, stepRequests: known.requests.canary, phaseAt: at };
  const share = policy.steps[nextStep.step] as number;
  return { ...redirect(nextStep, { share }, at), verdict: 'advance', reason: `within the tolerance after ${requests} requests` }; // prettier-ignore
}

function ready(state: RolloutState, unmet: string | undefined, at: number): Outcome {
  const phaseAt = state.phase === 'ready' ? state.phaseAt : at;
  return say(
    { ...state, phase: 'ready', phaseAt },
    'ready',
    unmet === undefined ? `${PROVEN}: promote it` : `${PROVEN}, but ${unmet}`,
  );
}

/** It does not end without having seen the canary serve. */
function watch(policy: RolloutPolicy, state: RolloutState, at: number): Outcome {
  if (state.hold) return say(state, 'hold', state.hold.reason);
  const left = policy.watchMs - (at - state.phaseAt);
  const seen = state.statistics.requests.canary;
  if (left > 0 || seen === 0) return say(state, 'continue', `watched for ${Math.max(0, Math.ceil(left / 1_000))} s more, ${seen} requests so far`); // prettier-ignore
  const ended: RolloutState = { ...state, phase: 'promoted', phaseAt: at };
  return { state: ended, verdict: 'end', reason: 'kept its objective', effects: [{ kind: 'end' }] };
}
