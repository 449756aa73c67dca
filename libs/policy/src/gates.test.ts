import { gatePolicySchema, type Governance } from '@frontier/contracts/gates';
import { GATES, VERSION_STATES, type EvidenceRecord, type Gate, type GateRecord, type OwnerRole } from '@frontier/contracts/registry'; // prettier-ignore
import fc from 'fast-check';
import { assess, attachRefusal, judgeRefusal, missingGate, moveRefusal, roleOf, rubricScore, sentBack, standing, unsigned, type GateCase } from './gates.ts'; // prettier-ignore

const policy = gatePolicySchema.parse({
  rubric: { weights: { quality: 0.4, safety: 0.2, performance: 0.2, cost: 0.2 }, pass: 0.75 },
  gates: {
    G0: { evidence: ['data-validation'], owners: ['data-engineer'] },
    G1: { evidence: ['evaluation'], owners: ['ml-engineer'], rubric: true, backToDraft: true },
    G2: { evidence: ['scan'], owners: ['security'], risks: true },
    G3: { evidence: ['validation'], owners: ['ot-lead', 'qa'] },
    G4: { evidence: ['shadow'], owners: ['operations', 'ml-engineer'], backToDraft: true },
    G5: { evidence: ['release-checklist'], owners: ['release-manager'], risks: true },
  },
  licences: ['MIT'],
  moves: [
    { from: 'draft', to: 'staging', after: 'G2' },
    { from: 'staging', to: 'approved', after: 'G4' },
    { from: 'approved', to: 'production', after: 'G5' },
    { from: 'staging', to: 'draft' },
  ],
});
const governance: Governance = {
  policy,
  kpis: [
    { gate: 'G1', task: '*', kpi: 'p99_latency_ms', comparison: '<=', threshold: 500, meaning: 'x' },
    { gate: 'G1', task: 'classification', kpi: 'accuracy', comparison: '>=', threshold: 0.9, meaning: 'x' },
  ],
  risks: [],
};

const version = { model: 'm', version: '1', author: 'ann', state: 'draft', updatedAt: 0 } as const;
const good = {
  passed: true,
  task: 'classification',
  metrics: { p99_latency_ms: 500, accuracy: 0.9 },
  rubric: { quality: 0.75, safety: 0.75, performance: 0.75, cost: 0.75 },
};

let ids = 0;
function evidence(
  gate: Gate,
  report: object = { passed: true },
  extra: Partial<EvidenceRecord> = {},
): EvidenceRecord {
  ids += 1;
  return {
    id: `e${ids}`,
    model: 'm',
    version: '1',
    gate,
    kind: policy.gates[gate].evidence[0] as string,
    sha256: `sha256:${ids}`,
    report: report as Record<string, unknown>,
    author: 'eve',
    createdAt: ids,
    ...extra,
  };
}

function judged(
  gate: Gate,
  at: number,
  passed = true,
  role = policy.gates[gate].owners[0] as OwnerRole,
): GateRecord {
  return {
    model: 'm',
    version: '1',
    gate,
    passed,
    reason: '',
    evidence: [],
    role,
    approver: `${role}-person`,
    at,
  };
}

/** All owners of these gates passed them, in order. */
const passedUpTo = (last: Gate | undefined, from = 0): GateRecord[] =>
  GATES.slice(0, last === undefined ? 0 : GATES.indexOf(last) + 1).flatMap((gate, i) =>
    policy.gates[gate].owners.map((role) => judged(gate, from + 10 * i, true, role)),
  );

const facts = (
  gates: GateRecord[],
  reports: EvidenceRecord[] = [],
  extra: Partial<GateCase['version']> = {},
): GateCase => ({
  version: { ...version, ...extra },
  gates,
  evidence: reports,
});

test('what is missing is the first gate that does not stand, and who has to judge it', () => {
  const missing = (gates: GateRecord[]) => missingGate(policy, facts(gates), 'G5');
  expect(missing([])).toBe('G0 has not passed: data-engineer must judge it');
  expect(missing([...passedUpTo('G2'), judged('G3', 50, true, 'qa')])).toBe('G3 has not passed: ot-lead must judge it'); // prettier-ignore
  expect(missing(passedUpTo('G4'))).toBe('G5 has not passed: release-manager must judge it');
  expect(missing([...passedUpTo('G4'), judged('G5', 50, false)])).toContain('G5 has not passed');
  expect(missing(passedUpTo('G5'))).toBeUndefined();
  expect(missing([...passedUpTo('G5'), judged('G4', 90, false)])).toContain('G0 has not passed');
});

describe('which gates count as passed', () => {
  test.each<[string, GateRecord[], Gate[]]>([
    ['none', [], []],
    ['in order', passedUpTo('G2'), ['G0', 'G1', 'G2']],
    ['a gap', [judged('G0', 1), judged('G2', 3)], ['G0']],
    ['one of two roles', [...passedUpTo('G2'), judged('G3', 50, true, 'qa')], ['G0', 'G1', 'G2']],
    ['a failure that does not send back', [...passedUpTo('G1'), judged('G2', 50, false)], ['G0', 'G1']],
    ['a failure that does', [...passedUpTo('G3'), judged('G4', 50, false)], []],
    ['a new cycle after it', [...passedUpTo('G3', 60), judged('G4', 50, false)], ['G0', 'G1', 'G2', 'G3']],
    ['an earlier gate judged anew', [judged('G0', 99), judged('G1', 10), judged('G2', 20)], ['G0']],
  ])('%s', (_, gates, expected) => {
    expect(standing(policy, { version, gates })).toEqual(expected);
  });

  test('a version that became a draft again begins anew', () => {
    const back = { ...version, updatedAt: 25 };
    expect(standing(policy, { version: back, gates: passedUpTo('G4') })).toEqual([]);
    expect(standing(policy, { version: back, gates: passedUpTo('G1', 30) })).toEqual(['G0', 'G1']);
    expect(standing(policy, { version: { ...back, state: 'staging' }, gates: passedUpTo('G2') })).toEqual([
      'G0',
      'G1',
      'G2',
    ]);
  });

  test('they are always the first ones, whatever was judged in whatever order', () => {
    const record = fc.record({ gate: fc.constantFrom(...GATES), at: fc.nat(50), passed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (records) => {
        const last = new Map(records.map(({ gate, at, passed }) => [gate, judged(gate, at, passed)]));
        const counting = standing(policy, { version, gates: [...last.values()] });
        expect(counting).toEqual(GATES.slice(0, counting.length));
        for (const gate of counting) expect(last.get(gate)?.passed).toBe(true);
      }),
    );
  });
});

describe('who may judge', () => {
  const who = { who: 'sam', owns: ['security'] as const };
  const ready = facts(passedUpTo('G1'), [evidence('G2')]);

  test('an owner, when all before it has passed', () => {
    expect(judgeRefusal(policy, ready, 'G2', who)).toBeUndefined();
  });

  test.each<[string, GateCase, Gate, { who: string; owns: readonly OwnerRole[] }, string, string]>([
    ['no owner', ready, 'G2', { who: 'sam', owns: ['qa'] }, 'FORBIDDEN', 'owner'],
    ['the author', ready, 'G2', { who: 'ann', owns: ['security'] }, 'FORBIDDEN', 'author'],
    [
      'who made the evidence',
      ready,
      'G2',
      { who: 'eve', owns: ['security'] },
      'FORBIDDEN',
      'evidence_author',
    ],
    ['no evidence', facts(passedUpTo('G1')), 'G2', who, 'CONFLICT', 'evidence'],
    ['out of order', facts(passedUpTo('G0'), [evidence('G2')]), 'G2', who, 'CONFLICT', 'order'],
    [
      'in production',
      facts(passedUpTo('G1'), [evidence('G2')], { state: 'production' }),
      'G2',
      who,
      'CONFLICT',
      'state',
    ],
  ])('not: %s', (_, given, gate, judge, code, reason) => {
    const refused = judgeRefusal(policy, given, gate, judge);
    expect([refused?.code, refused?.details]).toEqual([code, { reason }]);
  });

  test('a gate of two roles takes two people', () => {
    const both = { who: 'pat', owns: ['qa', 'ot-lead'] as const };
    const before = passedUpTo('G2');
    expect(unsigned(policy, facts(before), 'G3')).toEqual(['ot-lead', 'qa']);
    expect(roleOf(policy, facts(before), 'G3', both)).toBe('ot-lead');
    const first = { ...judged('G3', 90, true, 'ot-lead'), approver: 'pat' };
    const given = facts([...before, first], [evidence('G3')]);
    expect(unsigned(policy, given, 'G3')).toEqual(['qa']);
    expect(roleOf(policy, given, 'G3', both)).toBe('qa');
    expect(judgeRefusal(policy, given, 'G3', both)?.details).toEqual({ reason: 'signed' });
    expect(judgeRefusal(policy, given, 'G3', { who: 'quinn', owns: ['qa'] })).toBeUndefined();
  });
});

describe('what the evidence says', () => {
  const of = (report: object, gate: Gate = 'G1') =>
    assess(governance, facts([], [evidence(gate, report)]), gate);

  test('just enough is enough', () => {
    expect(of(good)).toMatchObject({
      passed: true,
      reason: 'evidence complete, 2 KPIs reached, rubric reached',
    });
  });

  test.each<[string, object, string]>([
    ['it does not say that it passed', { ...good, passed: undefined }, 'does not say that it passed'],
    [
      'a KPI is missed',
      { ...good, metrics: { p99_latency_ms: 501, accuracy: 0.9 } },
      'p99_latency_ms is 501, must be <= 500',
    ],
    ['a KPI was not measured', { ...good, metrics: { p99_latency_ms: 1 } }, 'accuracy was not measured'],
    [
      'a KPI is no number',
      { ...good, metrics: { p99_latency_ms: 1, accuracy: '1' } },
      'accuracy was not measured',
    ],
    ['metrics are none', { ...good, metrics: null }, 'p99_latency_ms was not measured'],
    ['no KPI is for the task', { ...good, task: 'other' }, 'no line of the KPIs is for the task other'],
    ['there is no task', { ...good, task: undefined }, '(none given)'],
    [
      'the rubric is under the bar',
      { ...good, rubric: { ...good.rubric, quality: 0.74 } },
      'the rubric gives 0.746',
    ],
    ['there is no rubric', { ...good, rubric: undefined }, '0 reports have a rubric'],
    ['the rubric is out of range', { ...good, rubric: { ...good.rubric, cost: 2 } }, 'from 0 to 1'],
  ])('not passed: %s', (_, report, reason) => {
    const found = of(report);
    expect(found.passed).toBe(false);
    expect(found.reason).toContain(reason);
  });

  test('the newest report of a kind counts', () => {
    const [old, fresh] = [evidence('G1', good), evidence('G1', { ...good, passed: false })];
    expect(assess(governance, facts([], [fresh, old]), 'G1')).toMatchObject({
      passed: false,
      evidence: [fresh.id],
    });
  });

  test.each([
    ['open', 'high', 'm', false],
    ['open', 'critical', '*', false],
    ['open', 'medium', 'm', true],
    ['mitigated', 'high', 'm', true],
    ['open', 'high', 'other', true],
  ] as const)('risk %s, %s, of %s: passed %s', (status, severity, model, passed) => {
    const risks = [
      { id: 'R-1', model, severity, status, owner: 'security' as const, risk: 'x', mitigation: '' },
    ];
    expect(assess({ ...governance, risks }, facts([], [evidence('G2')]), 'G2').passed).toBe(passed);
  });

  test('without any evidence nothing passes', () => {
    for (const gate of GATES) expect(assess(governance, facts([]), gate).passed).toBe(false);
  });

  test('the rubric is a mean: between the worst and the best score, and grows with each', () => {
    const score = fc.double({ min: 0, max: 1, noNaN: true });
    const rubric = fc.record({ quality: score, safety: score, performance: score, cost: score });
    fc.assert(
      fc.property(rubric, score, (given, more) => {
        const value = rubricScore(policy, given);
        expect(value).toBeGreaterThanOrEqual(Math.min(...Object.values(given)) - 1e-9);
        expect(value).toBeLessThanOrEqual(Math.max(...Object.values(given)) + 1e-9);
        const better = { ...given, quality: Math.max(given.quality, more) };
        expect(rubricScore(policy, better)).toBeGreaterThanOrEqual(value - 1e-9);
      }),
    );
  });
});

describe('moves', () => {
  test.each<
    [GateCase['version']['state'], (typeof VERSION_STATES)[number], Gate | undefined, string | undefined]
  >([
    ['draft', 'staging', 'G2', undefined],
    ['draft', 'staging', 'G1', 'G2 must have passed'],
    ['draft', 'staging', undefined, 'G0, G1, G2 must have passed'],
    ['staging', 'approved', 'G4', undefined],
    ['staging', 'approved', 'G3', 'G4 must have passed'],
    ['approved', 'production', 'G5', undefined],
    ['approved', 'production', 'G4', 'G5 must have passed'],
    ['draft', 'production', 'G5', 'goes to staging, not to production'],
    ['production', 'draft', 'G5', 'goes to nowhere'],
    ['staging', 'draft', undefined, undefined],
  ])('%s to %s after %s', (state, to, last, refused) => {
    const error = moveRefusal(policy, { version: { ...version, state }, gates: passedUpTo(last) }, to);
    if (refused === undefined) expect(error).toBeUndefined();
    else expect(error?.message).toContain(refused);
  });

  test('only a failure of G1 or G4 sends back, and a draft is there already', () => {
    expect(GATES.filter((gate) => sentBack(policy, gate, 'staging'))).toEqual(['G1', 'G4']);
    expect(GATES.filter((gate) => sentBack(policy, gate, 'draft'))).toEqual([]);
  });
});

test('a gate takes its own kinds of reports', () => {
  expect(attachRefusal(policy, 'G1', 'evaluation')).toBeUndefined();
  expect(attachRefusal(policy, 'G1', 'scan')?.message).toContain('G1 takes evaluation');
});
