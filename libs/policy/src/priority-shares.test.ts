import fc from 'fast-check';
import { PRIORITIES, type Priority } from '@frontier/contracts/queue';
import { PriorityShares } from './priority-shares.ts';

const shares = () => new PriorityShares(1000);
const waiting = (priorities: readonly Priority[], ages: Partial<Record<Priority, number>> = {}) =>
  priorities.map((priority) => ({ priority, headAgeMs: ages[priority] ?? 0 }));

/** What each of those that wait all the time gets of `turns` batches. */
function serve(
  turns: number,
  ages: Partial<Record<Priority, number>>,
  of = shares(),
): Record<Priority, number> {
  const got = { vip: 0, standard: 0, low: 0 };
  for (let i = 0; i < turns; i += 1) {
    const priority = of.pick(waiting(PRIORITIES, ages));
    of.charge(priority, 1);
    got[priority] += 1;
  }
  return got;
}

/** One turn: who waits, how old (x 1 ms) their first items are, and what the batch will cost. */
const turn = fc.record({
  vip: fc.boolean(),
  standard: fc.boolean(),
  ages: fc.record({ vip: fc.nat(1500), standard: fc.nat(1500), low: fc.nat(1500) }),
  cost: fc.double({ min: 0.01, max: 1, noNaN: true }),
});
const turns = fc.array(turn, { minLength: 1, maxLength: 400 });

describe('PriorityShares', () => {
  it('lets vip go first, then standard, when none has had anything', () => {
    expect(shares().pick(waiting(['low', 'standard', 'vip']))).toBe('vip');
    expect(shares().pick(waiting(['low', 'standard']))).toBe('standard');
    expect(shares().pick(waiting(['low']))).toBe('low');
    expect(() => shares().pick([])).toThrow('nothing waits');
  });

  it('shares out 70 to 25 to 5 while low is young, and does not bunch', () => {
    for (const age of [0, 1000]) {
      const got = serve(1000, { vip: age, standard: age });
      expect(Math.abs(got.vip - 700)).toBeLessThanOrEqual(2);
      expect(Math.abs(got.standard - 250)).toBeLessThanOrEqual(2);
      expect(Math.abs(got.low - 50)).toBeLessThanOrEqual(2);
    }
    expect(serve(15, {}).vip).toBeGreaterThanOrEqual(10);
  });

  it('gives low up to four times its weight when it is old, and vip still most', () => {
    expect(Math.abs(serve(1150, { low: 1000 }).low - 200)).toBeLessThanOrEqual(3);
    expect(Math.abs(serve(1150, { low: 99_999 }).low - 200)).toBeLessThanOrEqual(3);
    expect(Math.abs(serve(1075, { low: 500 }).low - 125)).toBeLessThanOrEqual(3);
    expect(Math.abs(serve(1150, { vip: 1000, standard: 1000, low: 1000 }).vip - 700)).toBeLessThanOrEqual(3);
  });

  it('gives nobody who was idle more than its share afterwards', () => {
    const of = shares();
    for (let i = 0; i < 2000; i += 1)
      of.charge(of.pick(waiting(i % 3 > 0 ? ['vip', 'standard'] : ['vip'])), 1);
    expect(serve(200, {}, of).low).toBeLessThanOrEqual(12);
  });

  it('gives nobody who comes late what is owed to another, or what another has left over', () => {
    const of = shares();
    for (let i = 0; i < 6; i += 1) of.charge(of.pick(waiting(['vip', 'low'])), 1);
    expect(serve(3, {}, of)).toEqual({ vip: 2, standard: 1, low: 0 });
    const left = shares();
    for (let i = 0; i < 1000; i += 1)
      left.charge(left.pick(waiting(i % 10 > 0 ? ['vip', 'low'] : ['vip'])), 1);
    expect(serve(30, {}, left).standard).toBeLessThanOrEqual(9);
  });

  it('never gives low less than 5 % of the cost, but for two batches', () => {
    fc.assert(
      fc.property(turns, (turns) => {
        const of = shares();
        let all = 0;
        let low = 0;
        for (const { ages, cost } of turns) {
          const priority = of.pick(waiting(PRIORITIES, ages));
          of.charge(priority, cost);
          all += cost;
          if (priority === 'low') low += cost;
          expect(low).toBeGreaterThanOrEqual((5 / 100) * all - 2);
        }
      }),
    );
  });

  it('serves low within 24 batches under any load, however old it is', () => {
    fc.assert(
      fc.property(turns, (turns) => {
        const of = shares();
        let before = 0;
        for (const { vip, standard, ages } of [...turns, ...turns]) {
          const others: Priority[] = [...(vip ? ['vip' as const] : []), ...(standard ? ['standard' as const] : [])]; // prettier-ignore
          const priority = of.pick(waiting([...others, 'low'], ages));
          of.charge(priority, 1);
          before = priority === 'low' ? 0 : before + 1;
          expect(before).toBeLessThan(24);
        }
      }),
    );
  });

  it('serves low within its bound under any load, whatever batches cost and whoever is old', () => {
    fc.assert(
      fc.property(turns, fc.boolean(), (turns, permanent) => {
        const of = shares();
        let before = 0;
        for (const { vip, standard, ages, cost } of [...turns, ...turns]) {
          const others: Priority[] = [...(vip || permanent ? ['vip' as const] : []), ...(standard || permanent ? ['standard' as const] : [])]; // prettier-ignore
          const priority = of.pick(waiting([...others, 'low'], ages));
          of.charge(priority, cost);
          before = priority === 'low' ? 0 : before + cost;
          expect(before).toBeLessThanOrEqual(43);
        }
      }),
    );
  });
});
