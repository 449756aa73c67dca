import fc from 'fast-check';
import { mayRetry, RetryBudget, retryDelayMs } from './retry.ts';

describe('retryDelayMs', () => {
  it('is anything up to a bound that doubles from 0.5 s to 10 s', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 99].map((failed) => retryDelayMs(failed, 1));
    expect(bounds).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    expect(retryDelayMs(3, 0.25)).toBe(500);
    expect(retryDelayMs(3, 0)).toBe(0);
  });
});

describe('mayRetry', () => {
  it('allows no attempt over the limit, nor one that would start at the deadline or later', () => {
    const question = { failed: 1, limit: 3, now: 50, deadline: 151, delayMs: 100 };
    expect(mayRetry(question)).toBe(true);
    expect(mayRetry({ ...question, failed: 2 })).toBe(true);
    expect(mayRetry({ ...question, failed: 3 })).toBe(false);
    expect(mayRetry({ ...question, deadline: 150 })).toBe(false);
  });
});

describe('RetryBudget', () => {
  it('is used up by retries, and filled again by requests and by time', () => {
    const budget = new RetryBudget();
    const retries = (now: number) => {
      let count = 0;
      while (budget.take(now)) count += 1;
      return count;
    };
    expect(retries(0)).toBe(100);
    for (let i = 0; i < 51; i += 1) budget.onRequest(0);
    expect(retries(0)).toBe(5);
    expect(retries(4000)).toBe(4);
    expect(retries(10_000_000)).toBe(100);
    expect(retries(0)).toBe(0);
  });

  it('never lets more through than 10 % of the requests, one a second and what was saved', () => {
    const step = fc.record({ requests: fc.nat(30), retries: fc.nat(30), ms: fc.nat(500) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const budget = new RetryBudget();
        let now = 0;
        let requests = 0;
        let allowed = 0;
        for (const { requests: came, retries: wanted, ms } of steps) {
          now += ms;
          requests += came;
          for (let i = 0; i < came; i += 1) budget.onRequest(now);
          for (let i = 0; i < wanted; i += 1) if (budget.take(now)) allowed += 1;
        }
        expect(allowed).toBeLessThanOrEqual(0.1 * requests + now / 1000 + 100 + 1e-6);
      }),
    );
  });
});
