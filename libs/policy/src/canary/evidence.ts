import type { Evidence } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { designEffect, effectsOf } from './design-effect.ts';
import { comparison, equal, evidence, meanEvidence, newTest } from './e-process.ts';
import type { Counts } from './intervals.ts';
import { above, LEAST_TAIL, quantile, tailBounds, type Quantile } from './quantile.ts';
import type { Sides, Statistics } from './statistics.ts';
import { latencyEvidence } from './tests.ts';

/** Point estimates of both sides. */
export interface Estimates {
  /** Parts of the requests. */
  errors: { control: number; canary: number };
  /** ms. */
  p95: { control: number; canary: number };
  /** The buckets at p95 are narrow enough to tell a difference that matters. */
  resolved: boolean;
}

const rate = ({ errors, ended }: Counts) => (ended > 0 ? errors / ended : 0);

export function estimate(policy: RolloutPolicy, sides: Sides | null, bounds: readonly number[]): Estimates {
  if (!sides) return { errors: { control: 0, canary: 0 }, p95: { control: 0, canary: 0 }, resolved: false };
  const control = quantile(bounds, sides.control.latency, 0.95);
  const canary = quantile(bounds, sides.canary.latency, 0.95);
  return {
    errors: { control: rate(sides.control), canary: rate(sides.canary) },
    p95: { control: control.value * 1_000, canary: canary.value * 1_000 },
    resolved: [control, canary].every((q) => isNarrow(policy, q)),
  };
}

/** A tenth more than the tolerance is allowed: bounds that are 1.1 apart are rounded. */
function isNarrow({ nonInferior, material }: RolloutPolicy, { value, lower, upper }: Quantile): boolean {
  const toleranceMs = Math.max((nonInferior.p95Ratio - 1) * value * 1_000, material.p95FloorMs);
  return value > 0 && (upper - lower) * 1_000 <= 1.1 * toleranceMs;
}

/** What is known, and whether p95 could be told well enough. */
export interface Assessment {
  estimates: Estimates;
  evidence: Evidence;
}

const assessed = new WeakMap<Statistics, Assessment>();

/** A state is looked at by several rules: it is assessed once. */
export function assess(policy: RolloutPolicy, s: Statistics, bounds: readonly number[]): Assessment {
  const before = assessed.get(s);
  if (before) return before;
  const estimates = estimate(policy, s.standard, bounds);
  const made = { estimates, evidence: evidenceOf(s, estimates) };
  assessed.set(s, made);
  return made;
}

function evidenceOf(s: Statistics, { errors, p95 }: Estimates): Evidence {
  const tests = s.tests;
  const { errors: e, latency: l } = effectsOf(s);
  const fineLatency = (tests?.fineLatency ?? []).filter((_, i) => isTail(s, i)).map((test) => evidence(test, l)); // prettier-ignore
  const halves = (tests?.halves ?? []).map((test, i) =>
    evidence(test, designEffect(i < 4 ? s.dispersion.errors : s.dispersion.latency)),
  );
  return {
    requests: s.requests,
    errors,
    p95,
    eErrors: tests ? evidence(tests.errors, e) : 1,
    eLatency: tests ? latencyEvidence(tests, l) : 1,
    eObjectiveErrors: tests ? evidence(tests.objectiveErrors, e) : 1,
    eObjectiveLatency: tests ? evidence(tests.objectiveLatency, l) : 1,
    eNonInferiorErrors: tests
      ? meanEvidence([evidence(tests.fineErrors, e), evidence(tests.fineRate, e)])
      : 1,
    eNonInferiorLatency: fineLatency.length > 0 ? Math.min(...fineLatency) : 1,
    eSampleRatio: tests ? evidence(tests.served) : 1,
    eHalves: meanEvidence(halves),
    designEffect: Math.max(e, l),
  };
}

/**
 * Control still exceeds the bound in enough answers. Bounds are chosen before the canary begins: if all is faster since
 * then, nothing can be proven where nobody is any more, and the canary would wait for ever.
 */
function isTail({ standard, tails }: Statistics, i: number): boolean {
  if (!standard || !tails) return true;
  const { latency } = standard.control;
  return above(latency, tails[i] as number) >= LEAST_TAIL * (latency.at(-1) ?? 0);
}

/** Evidence that the two sides of an A/A phase differ, by its totals: one look, at its end. */
export function imbalance(s: Statistics): number {
  if (!s.reference) return 1;
  const { control, canary } = s.reference;
  const ended = { canary: canary.ended, control: control.ended };
  const answered = { canary: canary.latency.at(-1) ?? 0, control: control.latency.at(-1) ?? 0 };
  const slower = comparison(equal, answered);
  const tails = tailBounds(control.latency.map((n, i) => n + (canary.latency[i] as number)), 10); // prettier-ignore
  const errors = comparison(equal, ended)(newTest(equal), canary.errors, control.errors);
  return meanEvidence([
    evidence(errors, designEffect(s.dispersion.errors)),
    meanEvidence(tails.map((i) => evidence(slower(newTest(equal), above(canary.latency, i), above(control.latency, i))))), // prettier-ignore
  ]);
}
