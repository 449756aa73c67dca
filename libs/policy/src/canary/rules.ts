import type { Evidence } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import type { Variant } from '@frontier/contracts/traffic';
import type { Estimates } from './evidence.ts';

/** Evidence that the split itself is broken: of the A/A phase, which costs only a new salt, and of the halves. */
export const IMBALANCED = 10;
export const HALVES_DIFFER = 200;

const percent = (part: number) => `${(part * 100).toFixed(2)} %`;
const ms = (value: number) => `${value.toFixed(1)} ms`;
const e = (value: number) => `e = ${value >= 1_000 ? value.toExponential(1) : value.toFixed(1)}`;

const errorsText = ({ errors }: Evidence) => `errors ${percent(errors.canary)} against ${percent(errors.control)}`; // prettier-ignore
const p95Text = ({ p95 }: Evidence) => `p95 ${ms(p95.canary)} against ${ms(p95.control)}`;

function errorsMatter({ material }: RolloutPolicy, { errors }: Evidence): boolean {
  const { canary, control } = errors;
  return canary > material.errorsRatio * control && canary > control + material.errorsFloor;
}

function p95Matters({ material }: RolloutPolicy, { p95 }: Evidence): boolean {
  return p95.canary > material.p95Ratio * p95.control && p95.canary > p95.control + material.p95FloorMs;
}

/**
 * The canary breaks the objective by itself; undefined: it does not. Beside a control that may be out of its objective
 * too it must also be worse than that one.
 */
export function breach(policy: RolloutPolicy, known: Evidence, alone: boolean): string | undefined {
  const { objective, alpha } = policy;
  const part = percent(objective.errorsPart);
  if (known.eObjectiveErrors >= 1 / alpha && (alone || errorsMatter(policy, known)))
    return `errors over the objective of ${part}: ${errorsText(known)}, ${e(known.eObjectiveErrors)}`;
  if (known.eObjectiveLatency >= 1 / alpha && (alone || p95Matters(policy, known)))
    return `more than ${percent(objective.slowPart)} over ${objective.latencyMs} ms: ${p95Text(known)}, ${e(known.eObjectiveLatency)}`;
  return undefined;
}

/** The canary is worse than control: proven, and by so much that it matters. */
export function worse(policy: RolloutPolicy, known: Evidence): string | undefined {
  if (known.eErrors >= 1 / policy.alpha && errorsMatter(policy, known))
    return `more errors than control: ${errorsText(known)}, ${e(known.eErrors)}`;
  if (known.eLatency >= 1 / policy.alpha && p95Matters(policy, known))
    return `slower than control: ${p95Text(known)}, ${e(known.eLatency)}`;
  return undefined;
}

/** Why these estimates do not speak for more traffic; undefined: they do. */
export function intolerable(policy: RolloutPolicy, { errors, p95, resolved }: Estimates): string | undefined {
  const { nonInferior, material } = policy;
  if (errors.canary > errors.control + nonInferior.errorsDelta)
    return `errors ${percent(errors.canary)} are over the tolerance`;
  if (p95.canary > Math.max(nonInferior.p95Ratio * p95.control, p95.control + material.p95FloorMs))
    return `p95 ${ms(p95.canary)} is over the tolerance`;
  if (!resolved) return `the latency buckets are too wide at p95 (${ms(p95.control)}) for a verdict`;
  return undefined;
}

/** What is still to be proven before a promotion; undefined: nothing. */
export function unproven(policy: RolloutPolicy, known: Evidence, stableBlocks: number): string | undefined {
  const { nonInferior, promoteRequests } = policy;
  if (known.requests.canary < promoteRequests)
    return `${known.requests.canary} of ${promoteRequests} canary requests`;
  if (known.eNonInferiorLatency < nonInferior.evidence)
    return `latency is not proven to be no worse: ${e(known.eNonInferiorLatency)} of ${nonInferior.evidence}`;
  if (known.eNonInferiorErrors < nonInferior.evidence)
    return `errors are not proven to be no worse: ${e(known.eNonInferiorErrors)} of ${nonInferior.evidence}`;
  if (stableBlocks < policy.stableBlocks)
    return `${stableBlocks} of ${policy.stableBlocks} blocks within the tolerance`;
  return undefined;
}

/** Canary requests before anything about them is an alarm, and that the share should have brought. */
const ALARMING = 200;

/** `asked`: part of the traffic; `assigned`: since it was in force on every gateway that counts. */
export function alarms(
  { alarms }: RolloutPolicy,
  { errors, p95, requests }: Evidence,
  asked: number,
  assigned: Record<Variant, number>,
): string[] {
  if (requests.canary < ALARMING) return [];
  const all = assigned.stable + assigned.control + assigned.canary;
  const starved = asked * all >= ALARMING && assigned.canary < alarms.sharePart * asked * all;
  const slow = requests.control > 0 && p95.canary > alarms.p95Ratio * p95.control;
  return [
    ...(slow ? [`p95 over ${alarms.p95Ratio} × control`] : []),
    ...(errors.canary > alarms.errorsPart ? [`errors over ${percent(alarms.errorsPart)}`] : []),
    ...(starved
      ? [`gets ${percent(assigned.canary / all)} of the traffic instead of ${percent(asked)}`]
      : []),
  ];
}
