import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import {
  addTrials,
  atLeast,
  atMost,
  comparison,
  equal,
  evidence,
  meanEvidence,
  newTest,
  probabilityAtLeast,
  probabilityAtMost,
  type Hypothesis,
} from './e-process.ts';
import type { Counts, Stratum } from './intervals.ts';
import { above } from './quantile.ts';
import type { Pair } from './under-way.ts';

/** All tests of a rollout: log likelihood ratios. Those of latency are one a tail bound. */
export interface Tests {
  errors: number[];
  latency: number[][];
  /** What bounds that were given up have earned, and what is left to bet on those of now. */
  spent: { ended: number; capital: number };
  /** Not worse: ratio and probability of errors, ratio of tails. */
  fineErrors: number[];
  fineRate: number[];
  fineLatency: number[][];
  objectiveErrors: number[];
  objectiveLatency: number[];
  /** Of the requests that should have ended, as many have on both sides. */
  served: number[];
  /**
   * Is one half of a side worse than the other? Of control and of canary, either way: errors, then latency above the
   * middle tail bound.
   */
  halves: number[][];
}

interface Hypotheses {
  errors: Hypothesis;
  latency: Hypothesis;
  fineErrors: Hypothesis;
  fineRate: Hypothesis;
  fineLatency: Hypothesis;
  objectiveErrors: Hypothesis;
  objectiveLatency: Hypothesis;
}

const known = new WeakMap<RolloutPolicy, Hypotheses>();

function hypotheses(policy: RolloutPolicy): Hypotheses {
  const before = known.get(policy);
  if (before) return before;
  const { errorsRatio, latencyRatio, nonInferior, objective } = policy;
  const made = {
    errors: atMost(errorsRatio),
    latency: atMost(latencyRatio),
    fineErrors: atLeast(nonInferior.errorsRatio),
    fineRate: probabilityAtLeast(nonInferior.errorsRate),
    fineLatency: atLeast(nonInferior.latencyRatio),
    objectiveErrors: probabilityAtMost(objective.errorsPart),
    objectiveLatency: probabilityAtMost(objective.slowPart),
  };
  known.set(policy, made);
  return made;
}

export const newTests = (policy: RolloutPolicy, tails: readonly number[]): Tests => {
  const h = hypotheses(policy);
  return {
    errors: newTest(h.errors),
    latency: tails.map(() => newTest(h.latency)),
    spent: { ended: 0, capital: 1 },
    fineErrors: newTest(h.fineErrors),
    fineRate: newTest(h.fineRate),
    fineLatency: tails.map(() => newTest(h.fineLatency)),
    objectiveErrors: newTest(h.objectiveErrors),
    objectiveLatency: newTest(h.objectiveLatency),
    served: newTest(equal),
    halves: [h.errors, h.latency].flatMap((one) => [0, 1, 2, 3].map(() => newTest(one))),
  };
};

/** The part of its capital that each choice of bounds bets; the rest is for those after it. */
const BET = 0.9;

/**
 * The mean over the bounds; with bounds that were given up, a sum of bets whose stakes make one: an e-value still
 * (a mixture over the times at which the bounds are chosen).
 */
export function latencyEvidence({ latency, spent }: Tests, designEffect: number): number {
  const mean = meanEvidence(latency.map((test) => evidence(test, designEffect)));
  return spent.ended + spent.capital * (BET * mean + (1 - BET));
}

/** Gives up the bounds; what they have earned stays. */
export function changeTails(
  policy: RolloutPolicy,
  tests: Tests,
  tails: readonly number[],
  designEffect: number,
): Tests {
  const { latency, fineLatency } = newTests(policy, tails);
  const capital = tests.spent.capital * (1 - BET);
  const spent =
    tests.latency.length > 0
      ? { ended: latencyEvidence(tests, designEffect) - capital, capital }
      : tests.spent;
  return { ...tests, latency, fineLatency, spent };
}

const total = ({ latency }: Counts) => latency.at(-1) ?? 0;

/** The tests that compare canary with control, by what one stratum of both has gained. */
export function compareSides(
  policy: RolloutPolicy,
  tests: Tests,
  tails: readonly number[],
  { canary, control }: { canary: Counts; control: Counts },
): Pick<Tests, 'errors' | 'latency' | 'fineErrors' | 'fineLatency' | 'fineRate'> {
  const h = hypotheses(policy);
  const ended = { canary: canary.ended, control: control.ended };
  const answered = { canary: total(canary), control: total(control) };
  const slower = comparison(h.latency, answered);
  const fine = comparison(h.fineLatency, answered);
  const each = (was: readonly number[][], add: ReturnType<typeof comparison>) =>
    tails.map((bound, i) => add(was[i] as number[], above(canary.latency, bound), above(control.latency, bound))); // prettier-ignore
  return {
    errors: comparison(h.errors, ended)(tests.errors, canary.errors, control.errors),
    latency: each(tests.latency, slower),
    fineErrors: comparison(h.fineErrors, ended)(tests.fineErrors, canary.errors, control.errors),
    fineLatency: each(tests.fineLatency, fine),
    fineRate: addTrials(h.fineRate, tests.fineRate, canary.ended, canary.errors),
  };
}

/** The tail bound that stands for all where one is enough. */
export const middleOf = (tails: readonly number[]): number | undefined => tails[tails.length >> 1];

/** The tests of the split itself: halves of one variant that are alike. */
export function compareSplit(
  policy: RolloutPolicy,
  tests: Tests,
  tails: readonly number[],
  { canary, control }: Stratum,
): Pick<Tests, 'halves'> {
  const h = hypotheses(policy);
  const middle = middleOf(tails);
  const pairs = [control, canary].flatMap(({ a, b }) => [[a, b], [b, a]] as const); // prettier-ignore
  const errors = pairs.map(
    ([one, other], i) =>
    comparison(h.errors, { canary: one.ended, control: other.ended })(tests.halves[i] as number[], one.errors, other.errors), // prettier-ignore
  );
  const slow = pairs.map(([one, other], i) => {
    const was = tests.halves[pairs.length + i] as number[];
    if (middle === undefined) return was;
    const add = comparison(h.latency, { canary: total(one), control: total(other) });
    return add(was, above(one.latency, middle), above(other.latency, middle));
  });
  return { halves: [...errors, ...slow] };
}

/** The test of the sample ratio: of the requests that should have ended as many have on both sides. */
export function compareServed(
  served: readonly number[],
  { due, served: ended }: { due: Pair; served: Pair },
): number[] {
  return comparison(equal, due)(served, ended.canary, ended.control);
}

/** The tests of the objective, by what the canary alone has gained. `slow`: index of the objective's bound. */
export function tryObjective(
  policy: RolloutPolicy,
  tests: Tests,
  canary: Counts,
  { errors, slow }: { errors: boolean; slow: number | undefined },
): Pick<Tests, 'objectiveErrors' | 'objectiveLatency'> {
  const h = hypotheses(policy);
  return {
    objectiveErrors: errors
      ? addTrials(h.objectiveErrors, tests.objectiveErrors, canary.ended, canary.errors)
      : tests.objectiveErrors,
    objectiveLatency:
      slow === undefined
        ? tests.objectiveLatency
        : addTrials(h.objectiveLatency, tests.objectiveLatency, total(canary), above(canary.latency, slow)),
  };
}
