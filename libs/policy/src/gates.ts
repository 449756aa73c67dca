import { AppError } from '@frontier/contracts/errors';
import {
  rubricSchema,
  type GatePolicy,
  type Governance,
  type Kpi,
  type Rubric,
} from '@frontier/contracts/gates';
import { GATES, type EvidenceRecord, type Gate, type GateRecord, type OwnerRole, type VersionRecord, type VersionState } from '@frontier/contracts/registry'; // prettier-ignore

/** All that is known of a version when somebody judges it. */
export interface GateCase {
  version: Pick<VersionRecord, 'model' | 'version' | 'author' | 'state' | 'updatedAt'>;
  evidence: readonly EvidenceRecord[];
  /** The last judgement of each gate by each role. */
  gates: readonly GateRecord[];
}

/** What gates count is known from. */
export type Judged = Pick<GateCase, 'gates'> & { version: Pick<VersionRecord, 'state' | 'updatedAt'> };

export interface Judge {
  who: string;
  owns: readonly OwnerRole[];
}

export interface Assessment {
  passed: boolean;
  /** One sentence a finding. */
  reason: string;
  /** Ids of the reports that it rests on. */
  evidence: readonly string[];
}

type Report = EvidenceRecord['report'];

/**
 * The gates that count as passed, without a gap from G0 on. Each of a gate's owner roles has passed it, after the gate
 * before it and after the version last became a draft or a gate failed that makes it one: what was said before something
 * in front of it was judged anew is void.
 */
export function standing(policy: GatePolicy, facts: Judged): Gate[] {
  const { gates } = facts;
  const passed: Gate[] = [];
  let after = cycleStart(policy, facts);
  for (const gate of GATES) {
    const passes = passesOf(gates, gate, after);
    if (policy.gates[gate].owners.some((role) => !passes.has(role))) break;
    passed.push(gate);
    after = Math.max(...[...passes.values()].map(({ at }) => at));
  }
  return passed;
}

/** Who has still to pass a gate, given that all before it stand. */
export function unsigned(policy: GatePolicy, facts: Judged, gate: Gate): OwnerRole[] {
  const passes = standingPasses(policy, facts, gate);
  return policy.gates[gate].owners.filter((role) => !passes.has(role));
}

/** The first gate up to `last` that still has to be passed, and by whom; undefined: all of them stand. */
export function missingGate(policy: GatePolicy, facts: Judged, last: Gate): string | undefined {
  const passed = standing(policy, facts);
  const gate = GATES.slice(0, GATES.indexOf(last) + 1).find((one) => !passed.includes(one));
  return gate && `${gate} has not passed: ${unsigned(policy, facts, gate).join(' and ')} must judge it`;
}

/** The passes of a gate that count now, by role. */
function standingPasses(policy: GatePolicy, facts: Judged, gate: Gate): Map<OwnerRole, GateRecord> {
  const before = GATES.slice(0, GATES.indexOf(gate));
  const times = facts.gates.filter((record) => before.includes(record.gate)).map(({ at }) => at);
  return passesOf(facts.gates, gate, Math.max(cycleStart(policy, facts), ...times));
}

function passesOf(gates: readonly GateRecord[], gate: Gate, after: number): Map<OwnerRole, GateRecord> {
  const counting = gates.filter((record) => record.gate === gate && record.passed && record.at >= after);
  return new Map(counting.map((record) => [record.role, record]));
}

/** A version that became a draft again, by a failure, a rollback or a person, begins with G0. */
function cycleStart(policy: GatePolicy, { version, gates }: Judged): number {
  const failures = gates.filter(({ gate, passed }) => !passed && policy.gates[gate].backToDraft);
  // Behind staging the order of the gates suffices: those up to G2 were passed after that moment.
  const becameDraft = version.state === 'draft' ? version.updatedAt : -Infinity;
  return Math.max(becameDraft, ...failures.map(({ at }) => at));
}

/**
 * Why this person may not judge this gate now; undefined: may. FORBIDDEN: somebody else has to; CONFLICT: something has
 * to happen first, which the message names.
 */
export function judgeRefusal(
  policy: GatePolicy,
  facts: GateCase,
  gate: Gate,
  judge: Judge,
): AppError | undefined {
  const { version } = facts;
  const { owners } = policy.gates[gate];
  if (!owners.some((role) => judge.owns.includes(role))) {
    return forbidden('owner', `${gate} is judged by ${owners.join(' and ')}: ask one who owns that role`);
  }
  if (judge.who === version.author) {
    return forbidden(
      'author',
      `${judge.who} is the author of this version: somebody else has to judge ${gate}`,
    );
  }
  if (version.state === 'production' || version.state === 'archived') {
    return conflict(
      'state',
      `a version in ${version.state} is not judged: start a rollout back, or a new version`,
    );
  }
  const { found, missing } = latest(policy, facts.evidence, gate);
  if (missing.length > 0)
    return conflict('evidence', `${gate} needs ${missing.join(' and ')}: attach it first`);
  if (found.some(({ author }) => author === judge.who)) {
    return forbidden(
      'evidence_author',
      `${judge.who} attached evidence of ${gate}: somebody else has to judge it`,
    );
  }
  const passed = standing(policy, facts);
  const first = GATES.find((candidate) => !passed.includes(candidate));
  if (first !== undefined && GATES.indexOf(first) < GATES.indexOf(gate)) {
    return conflict('order', `${first} comes before ${gate}: have it judged first`);
  }
  const role = roleOf(policy, facts, gate, judge);
  const others = [...standingPasses(policy, facts, gate)].filter(([signed]) => signed !== role);
  if (others.some(([, { approver }]) => approver === judge.who)) {
    return forbidden(
      'signed',
      `${judge.who} has passed ${gate} in another role: somebody else has to judge as ${role}`,
    );
  }
  return undefined;
}

/** The role in which somebody judges a gate: the first one that has not passed it yet. The judge must own one. */
export function roleOf(policy: GatePolicy, facts: Judged, gate: Gate, judge: Judge): OwnerRole {
  const owned = policy.gates[gate].owners.filter((role) => judge.owns.includes(role));
  const open = unsigned(policy, facts, gate);
  return owned.find((role) => open.includes(role)) ?? (owned[0] as OwnerRole);
}

/** What the evidence says: a person may fail what it would pass, never the other way round. */
export function assess({ policy, kpis, risks }: Governance, facts: GateCase, gate: Gate): Assessment {
  const rule = policy.gates[gate];
  const { found, missing } = latest(policy, facts.evidence, gate);
  const reports = found.map(({ report }) => report);
  const findings = missing.map((kind) => `no ${kind}`);
  for (const { kind, report } of found) {
    if (report['passed'] !== true) findings.push(`the ${kind} does not say that it passed`);
  }
  const ofGate = kpis.filter((kpi) => kpi.gate === gate);
  const applying = ofGate.filter((kpi) => applies(kpi, reports));
  // Nothing that a task must reach is no reason to pass.
  if (ofGate.some(isSpecific) && !applying.some(isSpecific)) {
    findings.push(`no line of the KPIs is for the task ${tasksOf(reports).join(', ') || '(none given)'}`);
  }
  const metrics = Object.assign({}, ...reports.map(metricsOf)) as Record<string, unknown>;
  findings.push(...applying.flatMap((kpi) => shortfall(kpi, metrics)));
  if (rule.rubric) findings.push(...rubricFindings(policy, reports));
  if (rule.risks) {
    for (const { id, model, severity, status, risk } of risks) {
      const blocks = status === 'open' && (severity === 'high' || severity === 'critical');
      if (blocks && (model === '*' || model === facts.version.model))
        findings.push(`${id} is open (${severity}): ${risk}`);
    }
  }
  const evidence = found.map(({ id }) => id);
  const passed = findings.length === 0;
  return {
    passed,
    reason: passed ? passedText(applying.length, rule.rubric) : findings.join('; '),
    evidence,
  };
}

/** Why a version may not move from its state to another; undefined: may. */
export function moveRefusal(
  policy: GatePolicy,
  facts: Omit<GateCase, 'evidence'>,
  to: VersionState,
): AppError | undefined {
  const { state } = facts.version;
  const ways = policy.moves.filter(({ from }) => from === state);
  const way = ways.find((candidate) => candidate.to === to);
  if (!way) {
    const there = ways.map((candidate) => candidate.to).join(', ') || 'nowhere';
    return conflict('move', `from ${state} a version goes to ${there}, not to ${to}`);
  }
  const passed = standing(policy, facts);
  const needed = way.after === null ? [] : GATES.slice(0, GATES.indexOf(way.after) + 1);
  const open = needed.filter((gate) => !passed.includes(gate));
  if (open.length > 0) return conflict('gates', `before it is ${to}, ${open.join(', ')} must have passed`);
  return undefined;
}

/** Whether a failure of this gate takes a version in this state back to draft. */
export function sentBack(policy: GatePolicy, gate: Gate, state: VersionState): boolean {
  return policy.gates[gate].backToDraft && state !== 'draft';
}

/** Why this kind of report is none of this gate's; undefined: it is. */
export function attachRefusal(policy: GatePolicy, gate: Gate, kind: string): AppError | undefined {
  const { evidence } = policy.gates[gate];
  if (evidence.includes(kind)) return undefined;
  return new AppError('INVALID_INPUT', `kind: ${gate} takes ${evidence.join(', ')}`, {
    details: { field: 'kind' },
  });
}

/** Weighted mean of the scores, 0 to 1. */
export function rubricScore({ rubric: { weights } }: GatePolicy, rubric: Rubric): number {
  const parts = Object.keys(weights) as (keyof Rubric)[];
  return parts.reduce((sum, part) => sum + weights[part] * rubric[part], 0);
}

/** The newest report of each kind that the gate needs. */
function latest(policy: GatePolicy, evidence: readonly EvidenceRecord[], gate: Gate) {
  const found: EvidenceRecord[] = [];
  const missing: string[] = [];
  for (const kind of policy.gates[gate].evidence) {
    const newest = evidence
      .filter((record) => record.gate === gate && record.kind === kind)
      .reduce<EvidenceRecord | undefined>((a, b) => (a && a.createdAt > b.createdAt ? a : b), undefined);
    if (newest) found.push(newest);
    else missing.push(kind);
  }
  return { found, missing };
}

function applies({ task }: Kpi, reports: readonly Report[]): boolean {
  return task === '*' || tasksOf(reports).includes(task);
}

function isSpecific({ task }: Kpi): boolean {
  return task !== '*';
}

function tasksOf(reports: readonly Report[]): string[] {
  return reports.flatMap(({ task }) => (typeof task === 'string' ? [task] : []));
}

function metricsOf({ metrics }: Report): object {
  return typeof metrics === 'object' && metrics !== null ? metrics : {};
}

/** What was not measured has not been reached. */
function shortfall({ kpi, comparison, threshold }: Kpi, metrics: Record<string, unknown>): string[] {
  const value = Object.hasOwn(metrics, kpi) ? metrics[kpi] : undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) return [`${kpi} was not measured`];
  const reached = comparison === '>=' ? value >= threshold : value <= threshold;
  return reached ? [] : [`${kpi} is ${value}, must be ${comparison} ${threshold}`];
}

function rubricFindings(policy: GatePolicy, reports: readonly Report[]): string[] {
  const rubrics = reports.filter((report) => report['rubric'] !== undefined);
  if (rubrics.length !== 1) return [`${rubrics.length} reports have a rubric, one must`];
  const parsed = rubricSchema.safeParse(rubrics[0]?.['rubric']);
  if (!parsed.success) return ['the rubric must have quality, safety, performance and cost from 0 to 1'];
  const score = rubricScore(policy, parsed.data);
  // Sums of decimals: 0.75 must not be missed by the last bit.
  return score >= policy.rubric.pass - 1e-9
    ? []
    : [`the rubric gives ${score.toFixed(3)}, must be >= ${policy.rubric.pass}`];
}

function passedText(kpis: number, rubric: boolean): string {
  return `evidence complete${kpis > 0 ? `, ${kpis} KPIs reached` : ''}${rubric ? ', rubric reached' : ''}`;
}

function forbidden(reason: string, message: string): AppError {
  return new AppError('FORBIDDEN', message, { details: { reason } });
}

function conflict(reason: string, message: string): AppError {
  return new AppError('CONFLICT', message, { details: { reason } });
}
