import fc from 'fast-check';
import type { RolloutEvent } from '@frontier/contracts/rollout';
import { rolloutPolicySchema } from '@frontier/contracts/rollout-policy';
import { seededRandom } from '../random.ts';
import { next } from './machine.ts';
import { NULLS, REGRESSIONS } from './scenarios.ts';
import { simulateRun, simulateRuns, summarise } from './simulate.ts';
import { SimulatedTraffic } from './simulated-traffic.ts';
import { initialState, type RolloutState } from './state.ts';

/** All of it in less than a minute on one slow core. */
const NULL_RUNS = 100;
const REGRESSION_RUNS = 60;
/** Who has not decided by then does so later; these are 40 minutes at 100 a second. */
const REQUESTS = 250_000;

const policy = rolloutPolicySchema.parse({});

describe('a simulated rollout', () => {
  it('is the same for the same seed', () => {
    const scenario = REGRESSIONS[3]!;
    const runs = simulateRuns(policy, scenario, 5, 0, 4);
    expect(simulateRuns(policy, scenario, 5, 2, 4)).toEqual(runs.slice(2));
    expect(new Set(runs.map(({ requests }) => requests)).size).toBeGreaterThan(1);
  });

  it('is summed up', () => {
    const run = { seconds: 1, reason: '' };
    const runs = [1, 5, 9].map((requests) => ({ ...run, outcome: 'rolled back' as const, requests }));
    const summary = summarise('x', [...runs, { ...run, outcome: 'promoted', requests: 0 }]);
    expect(summary).toEqual({ name: 'x', runs: 4, outcomes: { 'rolled back': 3, promoted: 1, asks: 0, undecided: 0 }, medianRequests: 5 }); // prettier-ignore
    expect(summarise('x', []).medianRequests).toBeNull();
  });

  it('decides the same when its state is stored and read again at any event, and when it is replayed', () => {
    const scenarios = fc.constantFrom(...NULLS, ...REGRESSIONS);
    fc.assert(
      fc.property(scenarios, fc.nat(1_000), fc.infiniteStream(fc.nat(9)), (scenario, seed, stored) => {
        const traffic = new SimulatedTraffic(scenario, seededRandom(seed));
        const quick = {
          ...policy,
          aaRequests: 200,
          advanceRequests: 300,
          promoteRequests: 1_000,
          autoPromote: true,
        };
        const events: RolloutEvent[] = [];
        const first = initialState(quick, { stable: '1', canary: '2', at: 0 });
        traffic.redirect(first.mode, first.share, false);
        let state: RolloutState = first;
        const decided = [];
        for (let s = 10; s < 600; s += 10) {
          traffic.run(10);
          const at = s * 1_000;
          const event: RolloutEvent = stored.next().value === 0 ? { kind: 'fault', at, reason: 'empty' } : { kind: 'scrape', at, scrape: traffic.scrape(at) }; // prettier-ignore
          events.push(event);
          const step = next(quick, state, event);
          decided.push(step.decision);
          for (const effect of step.effects) if (effect.kind === 'traffic') traffic.redirect(effect.mode, effect.share, effect.newSalt); // prettier-ignore
          state =
            stored.next().value < 3 ? (JSON.parse(JSON.stringify(step.state)) as RolloutState) : step.state;
        }
        let replayed = first;
        const again = (JSON.parse(JSON.stringify(events)) as RolloutEvent[]).map((event) => {
          const step = next(quick, replayed, event);
          replayed = step.state;
          return step.decision;
        });
        expect(again).toEqual(decided);
      }),
      { numRuns: 25 },
    );
  });
});

describe('the default policy, by simulation', () => {
  it.each(NULLS)(
    'rarely rolls back what is the same as stable: $name',
    (scenario) => {
      const runs = Array.from({ length: NULL_RUNS }, (_, i) =>
        simulateRun(policy, scenario, 7_000 + i, REQUESTS),
      );
      const { outcomes } = summarise(scenario.name, runs);
      expect(outcomes['rolled back'] / runs.length).toBeLessThanOrEqual(0.01);
    },
    60_000,
  );

  it.each(REGRESSIONS)(
    'finds what is worse: $name',
    (scenario) => {
      const runs = Array.from({ length: REGRESSION_RUNS }, (_, i) =>
        simulateRun(policy, scenario, 9_000 + i),
      );
      const { outcomes } = summarise(scenario.name, runs);
      expect(outcomes['rolled back'] / runs.length).toBeGreaterThanOrEqual(0.95);
      expect(outcomes.promoted / runs.length).toBeLessThanOrEqual(0.02);
    },
    60_000,
  );
});
