import { experimentPlanSchema, type ExperimentPlan } from '@frontier/contracts/experiment';
import { beginExperiment, experimentResult, groupOf, observe, type ExperimentState } from './experiment.ts';
import { Seeded } from './testing/seeded.ts';

const plan = (overrides: Partial<ExperimentPlan> = {}): ExperimentPlan => ({
  ...experimentPlanSchema.parse({
    id: 'e1',
    arms: [{ name: 'now', share: 5000 }, { name: 'new', share: 5000 }],
    kpi: { name: 'clicks', kind: 'rate', better: 'higher' },
    effect: 0.04,
    horizon: { requests: 5_000, ms: 14 * 86_400_000 },
  }), // prettier-ignore
  ...overrides,
});

/** A user with a habit of his own: his requests are alike. */
interface User {
  arm: number;
  group: number;
  habit: number;
}

function users(of: ExperimentPlan, random: Seeded, count: number): User[] {
  return Array.from({ length: count }, (_, i) => {
    let end = 0;
    const place = random.next() * 10_000;
    const arm = of.arms.findIndex(({ share }) => place < (end += share));
    return { arm, group: groupOf(of, `t|${i}-${random.next()}`), habit: 2 * random.next() - 1 };
  });
}

type Value = (user: User, random: Seeded) => number;

/** Requests until the experiment ends by itself, with a look every 500, as one that watches it would. */
function run(of: ExperimentPlan, random: Seeded, count: number, value: Value) {
  const state = beginExperiment(of, 0);
  const all = users(of, random, count);
  for (let n = 1; ; n += 1) {
    // A tenth of the users make most of the requests.
    const user = all[Math.floor(random.next() ** 2 * all.length)] as User;
    observe(state, of.arms[user.arm]?.name ?? '', user.group, value(user, random));
    if (n % 500 !== 0) continue;
    const result = experimentResult(of, state, n);
    if (result.status !== 'running') return { result, requests: n };
  }
}

const rate = (base: number, gain: number, habit = 0): Value => (user, random) => random.next() < base * (1 + habit * user.habit) + (user.arm > 0 ? gain : 0) ? 1 : 0; // prettier-ignore
const mean = (gain: number): Value => (user, random) => Math.round(1000 * Math.exp(4 + 0.5 * random.normal() + 0.3 * user.habit)) + (user.arm > 0 ? gain : 0); // prettier-ignore
const latency = plan({ kpi: { name: 'latency', kind: 'mean', better: 'lower', unit: 'ms', perUnit: 1000 }, effect: 4 }); // prettier-ignore

describe('error rates, watched every 500 requests', () => {
  it.each<[string, ExperimentPlan, Value]>([
    ['a rate', plan(), rate(0.2, 0)],
    ['a rate that differs from user to user', plan(), rate(0.2, 0, 0.8)],
    ['a mean', latency, mean(0)],
    ['four arms', plan({ arms: ['now', 'a', 'b', 'c'].map((name) => ({ name, share: 2500 })) }), rate(0.2, 0)], // prettier-ignore
  ])('calls equal arms different in 5 %% at most: %s', (_, of, value) => {
    const random = new Seeded(5);
    let wrong = 0;
    for (let i = 0; i < 60; i += 1) {
      const { result } = run(of, random, 2000, value);
      if (result.arms.some(({ comparison }) => comparison?.verdict === 'better' || comparison?.verdict === 'worse')) wrong += 1; // prettier-ignore
      expect(result.status).toBe('ended');
    }
    expect(wrong).toBeLessThanOrEqual(3);
  });

  it.each<[string, ExperimentPlan, Value, string]>([
    ['a rate of 20 to 26 %', plan(), rate(0.2, 0.06), 'better'],
    ['a rate of 20 to 14 %', plan(), rate(0.2, -0.06), 'worse'],
    ['a latency 6 ms longer', latency, mean(6000), 'worse'],
  ])('finds an effect of one and a half times the planned one: %s', (_, of, value, verdict) => {
    const random = new Seeded(6);
    let found = 0;
    for (let i = 0; i < 20; i += 1)
      if (run(of, random, 2000, value).result.arms[1]?.comparison?.verdict === verdict) found += 1;
    expect(found).toBeGreaterThanOrEqual(19);
  });
});

function filled(of: ExperimentPlan, requests: number[], sums: number[]): ExperimentState {
  const state = beginExperiment(of, 0);
  const random = new Seeded(7);
  state.arms.forEach((arm, i) => {
    arm.requests.fill(requests[i] as number);
    arm.sums = arm.sums.map(() => Math.round((sums[i] as number) * (1 + 0.1 * random.normal())));
  });
  return state;
}

test('says for a person what was found', () => {
  const { status, sentences } = experimentResult(plan(), filled(plan(), [200, 200], [40, 52]), 1);
  expect(status).toBe('ended');
  expect(sentences[0]).toMatch(/^now: clicks \d+\.?\d* % of 20000 requests \(the baseline\)\.$/);
  expect(sentences[1]).toMatch(/^new: clicks .* better than now: difference .* with 95 % confidence\.$/);
  expect(sentences[2]).toBe('Take new.');
});

test('says that it does not know yet, and at the horizon that nothing was proven', () => {
  const state = beginExperiment(plan(), 0);
  for (const arm of state.arms) {
    arm.requests.fill(10);
    arm.sums = arm.sums.map((_, group) => (group % 5 === 0 ? 10 : 0));
  }
  const early = experimentResult(plan(), state, 1);
  expect(early).toMatchObject({ status: 'running', arms: [{}, { comparison: { verdict: 'open' } }] });
  expect(early.sentences.at(-1)).toBe('The experiment goes on.');
  const late = experimentResult(plan(), state, 14 * 86_400_000);
  expect(late.status).toBe('ended');
  expect(late.sentences.at(-1)).toBe('Keep now: no arm is proven better.');
});

test('proves that arms are the same when the difference cannot be what matters', () => {
  const of = plan({ effect: 0.02, horizon: { requests: 1e9, ms: 1e12 } });
  const result = experimentResult(of, filled(of, [2000, 2000], [100, 100]), 1);
  expect(result).toMatchObject({ status: 'ended', arms: [{}, { comparison: { verdict: 'same' } }] });
});

test('proves nothing when an arm did not get its share', () => {
  const of = plan();
  const state = filled(of, [200, 170], [10, 16]);
  state.arms[1]?.requests.forEach((_, i, all) => (all[i]! += i % 3));
  const { status, sentences } = experimentResult(of, state, 1);
  expect(status).toBe('broken');
  expect(sentences[0]).toContain('Arm new did not get its share');
});

test('knows nothing before the first request', () => {
  const result = experimentResult(plan(), beginExperiment(plan(), 0), 1);
  expect(result).toMatchObject({
    status: 'running',
    arms: [{ requests: 0, value: undefined }, { requests: 0 }],
  });
  expect(result.sentences[0]).toBe('now: no request yet.');
});

test('counts only what it can count exactly', () => {
  const state = beginExperiment(plan(), 0);
  expect(() => observe(state, 'nobody', 0, 1)).toThrow('no arm');
  expect(() => observe(state, 'now', 0, 0.5)).toThrow('exactly');
  expect(() => observe(state, 'now', 100, 1)).toThrow('exactly');
  expect(() => observe(state, 'now', 0, 2 ** 53)).toThrow('exactly');
  expect(state).toEqual(beginExperiment(plan(), 0));
});

test('a subject is in one group, and groups are even', () => {
  const counts = Array.from({ length: 100 }, () => 0);
  for (let i = 0; i < 20_000; i += 1) counts[groupOf({ id: 'e' }, `t|u${i}`)]! += 1;
  expect(groupOf({ id: 'e' }, 't|u1')).toBe(groupOf({ id: 'e' }, 't|u1'));
  expect(Math.min(...counts)).toBeGreaterThan(130);
  expect(Math.max(...counts)).toBeLessThan(270);
});
