import { EXPERIMENT_GROUPS, type ArmCounts, type ExperimentPlan } from '@frontier/contracts/experiment';
import { differenceOf, evidenceOf, intervalOf, meanOf, ratioDifference } from './experiment-statistics.ts';
import { murmur3 } from './traffic-split.ts';

export interface ExperimentState {
  startedAt: number;
  arms: ArmCounts[];
}

export function beginExperiment(
  { arms }: { arms: readonly { name: string }[] },
  startedAt: number,
): ExperimentState {
  const zeros = () => Array.from({ length: EXPERIMENT_GROUPS }, () => 0);
  return { startedAt, arms: arms.map(({ name }) => ({ name, requests: zeros(), sums: zeros() })) };
}

/** The group of a subject: independent of its arm. */
export function groupOf({ id }: Pick<ExperimentPlan, 'id'>, subject: string): number {
  return murmur3(new TextEncoder().encode(`group|${id}|${subject}`), 0) % EXPERIMENT_GROUPS;
}

/** Adds an answered request in place. Throws when the arm is unknown or the value cannot be counted exactly. */
export function observe(
  { arms }: Pick<ExperimentState, 'arms'>,
  arm: string,
  group: number,
  value: number,
): void {
  const of = arms.find(({ name }) => name === arm);
  if (!of) throw new Error(`experiment: no arm ${arm}`);
  const sum = (of.sums[group] ?? NaN) + value;
  if (!Number.isSafeInteger(sum)) throw new Error(`experiment: ${value} in group ${group} is not counted exactly`); // prettier-ignore
  of.sums[group] = sum;
  of.requests[group]! += 1;
}

/** `same`: the difference is proven smaller than what would matter. `open`: nothing is proven. */
export type ArmVerdict = 'better' | 'worse' | 'same' | 'open';

export interface ArmResult {
  name: string;
  requests: number;
  /** In units; undefined before the first request. */
  value: number | undefined;
  /** Against the baseline; the baseline has none. */
  comparison?: { verdict: ArmVerdict; difference: number; low: number; high: number; evidence: number };
}

export interface ExperimentResult {
  /** `broken`: the arms did not get the shares that they should have; nothing follows from the numbers. */
  status: 'running' | 'ended' | 'broken';
  arms: ArmResult[];
  /** For a person, in order. */
  sentences: string[];
}

/** Before that a normal distribution of the groups' means is no good approximation. */
const MIN_REQUESTS = 1000;
/** Error probability of the test of the shares; a difference of a twentieth is what it looks for. */
const RATIO_ALPHA = 0.001;
const RATIO_EFFECT = 0.05;

/**
 * What is known at a time, ms; may be asked as often as one likes, for its error probability holds over all looks
 * together: always-valid inference by the mixture sequential probability ratio test (R. Johari et al., "Always valid
 * inference: continuous monitoring of A/B tests", 2022), with variances between groups and Bonferroni's share of alpha
 * for each arm.
 */
export function experimentResult(plan: ExperimentPlan, state: ExperimentState, at: number): ExperimentResult {
  const counts = state.arms.map(({ requests }) => requests.reduce((sum, n) => sum + n, 0));
  const fewest = Math.min(...counts);
  const reached = fewest >= plan.horizon.requests || at - state.startedAt >= plan.horizon.ms;
  const broken = brokenArm(plan, state);
  const arms = state.arms.map((arm, i): ArmResult => {
    const mean = meanOf(arm);
    const shown = {
      name: arm.name,
      requests: counts[i] as number,
      value: mean && mean.value / plan.kpi.perUnit,
    };
    return i === 0 ? shown : { ...shown, comparison: compare(plan, state, i, fewest >= MIN_REQUESTS) };
  });
  const open = arms.some(({ comparison }) => comparison?.verdict === 'open');
  const status = broken === undefined ? (reached || !open ? 'ended' : 'running') : 'broken';
  return { status, arms, sentences: sentencesOf(plan, status, arms, broken) };
}

/** The name of an arm that has other than its share of the requests. */
function brokenArm(plan: ExperimentPlan, state: ExperimentState): string | undefined {
  const [base, ...others] = state.arms;
  const shareOf = (name: string) => plan.arms.find((arm) => arm.name === name)?.share ?? 0;
  return others.find((arm) => {
    const test = base && ratioDifference(base.requests, arm.requests, shareOf(arm.name) / shareOf(base.name));
    return test && evidenceOf(test, RATIO_EFFECT) >= others.length / RATIO_ALPHA;
  })?.name;
}

function compare(
  plan: ExperimentPlan,
  state: ExperimentState,
  arm: number,
  enough: boolean,
): NonNullable<ArmResult['comparison']> {
  // prettier-ignore
  const { effect, alpha, kpi } = plan;
  const base = meanOf(state.arms[0] as ExperimentState['arms'][number]);
  const mean = meanOf(state.arms[arm] as ExperimentState['arms'][number]);
  const test = base && mean && differenceOf(base, mean, kpi.perUnit);
  if (!test) return { verdict: 'open', difference: 0, low: -Infinity, high: Infinity, evidence: 1 };
  const own = alpha / (state.arms.length - 1);
  const [low, high] = intervalOf(test, effect, own);
  const sign = kpi.better === 'higher' ? 1 : -1;
  const evidence = evidenceOf(test, effect);
  const verdict = !enough ? 'open' : evidence >= 1 / own ? (test.estimate * sign > 0 ? 'better' : 'worse') : low > -effect && high < effect ? 'same' : 'open'; // prettier-ignore
  return { verdict, difference: test.estimate, low, high, evidence };
}

function sentencesOf(
  plan: ExperimentPlan,
  status: ExperimentResult['status'],
  arms: readonly ArmResult[],
  broken: string | undefined,
): string[] {
  // prettier-ignore
  const baseline = arms[0]?.name ?? '';
  const facts = arms.map((arm) => factOf(plan, arm, baseline));
  if (status === 'broken')
    return [`Arm ${broken} did not get its share of the requests beside ${baseline}: the numbers below prove nothing. Find out why, then start a new experiment.`, ...facts]; // prettier-ignore
  const best = bestOf(plan, arms);
  const end = {
    running: 'The experiment goes on.',
    ended: best === undefined ? `Keep ${baseline}: no arm is proven better.` : `Take ${best}.`,
  }[status];
  return [...facts, end];
}

function bestOf({ kpi }: ExperimentPlan, arms: readonly ArmResult[]): string | undefined {
  const sign = kpi.better === 'higher' ? 1 : -1;
  const better = arms.filter(({ comparison }) => comparison?.verdict === 'better');
  return better.sort((a, b) => sign * ((b.value ?? 0) - (a.value ?? 0)))[0]?.name;
}

function factOf(
  plan: ExperimentPlan,
  { name, requests, value, comparison }: ArmResult,
  baseline: string,
): string {
  // prettier-ignore
  const { kpi, effect, alpha } = plan;
  const shown = (x: number) => (kpi.kind === 'rate' ? `${Number((100 * x).toPrecision(4))} %` : `${Number(x.toPrecision(4))} ${kpi.unit}`); // prettier-ignore
  if (value === undefined) return `${name}: no request yet.`;
  const own = `${name}: ${kpi.name} ${shown(value)} of ${requests} requests`;
  if (!comparison) return `${own} (the baseline).`;
  const { verdict, difference, low, high } = comparison;
  if (!Number.isFinite(low)) return `${own}; too few to compare.`;
  const proven = {
    better: `better than ${baseline}`,
    worse: `worse than ${baseline}`,
    same: `within ${shown(effect)} of ${baseline}`,
    open: `not told from ${baseline}`,
  }[verdict];
  return `${own}; ${proven}: difference ${shown(difference)}, between ${shown(low)} and ${shown(high)} with ${Number((100 * (1 - alpha)).toFixed(2))} % confidence.`; // prettier-ignore
}
