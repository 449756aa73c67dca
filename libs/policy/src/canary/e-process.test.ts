import fc from 'fast-check';
import { seededRandom, type Random } from '../random.ts';
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

function binomial(random: Random, n: number, p: number): number {
  let x = 0;
  for (let i = 0; i < n; i += 1) if (random() < p) x += 1;
  return x;
}

/** In how many of 1,000 sequences of 60 looks the e-value ever is 20 or more. */
function everExceeds(hypothesis: Hypothesis, look: (test: number[], random: Random) => number[]): number {
  const random = seededRandom(11);
  let exceeded = 0;
  for (let sequence = 0; sequence < 1_000; sequence += 1) {
    let test = newTest(hypothesis);
    let most = 0;
    for (let i = 0; i < 60; i += 1) {
      test = look(test, random);
      most = Math.max(most, evidence(test));
    }
    if (most >= 20) exceeded += 1;
  }
  return exceeded;
}

/** A look at sides of changing sizes whose rates have this ratio. */
const looking = (hypothesis: Hypothesis, ratio: number) => (test: number[], random: Random) => {
  const n = { canary: 5 + Math.floor(random() * 40), control: 5 + Math.floor(random() * 40) };
  // What all suffer at once cancels.
  const rate = 0.02 + 0.2 * random();
  return comparison(hypothesis, n)(test, binomial(random, n.canary, rate * ratio), binomial(random, n.control, rate)); // prettier-ignore
};

describe('an e-process', () => {
  // 5 % of 1,000, and three standard deviations more.
  it.each([
    ['at most 1', atMost(1), 1],
    ['at most 1.25', atMost(1.25), 1.25],
    ['at most 1.25, inside the hypothesis', atMost(1.25), 0.9],
    ['at least 1.6', atLeast(1.6), 1.6],
    ['equal', equal, 1],
  ])('rarely rejects what is true, however often one looks: %s', (_, hypothesis, ratio) => {
    expect(everExceeds(hypothesis, looking(hypothesis, ratio))).toBeLessThanOrEqual(70);
  });

  it.each([
    ['at most', probabilityAtMost(0.02)],
    ['at least', probabilityAtLeast(0.02)],
  ])('rarely rejects a probability that is true: %s', (_, hypothesis) => {
    const look = (test: number[], random: Random) =>
      addTrials(hypothesis, test, 30, binomial(random, 30, 0.02));
    expect(everExceeds(hypothesis, look)).toBeLessThanOrEqual(70);
  });

  it.each([
    ['at most 1', atMost(1), 2.5],
    ['at most 1.25', atMost(1.25), 3],
    ['at least 1.6', atLeast(1.6), 0.8],
    ['equal, more', equal, 2],
    ['equal, fewer', equal, 0.5],
  ])('finds what is wrong: %s', (_, hypothesis, ratio) => {
    expect(everExceeds(hypothesis, looking(hypothesis, ratio))).toBeGreaterThan(900);
  });

  it('says nothing before there are data, and nothing by events of one side alone', () => {
    const test = newTest(atMost(1));
    expect(evidence(test)).toBe(1);
    expect(evidence(comparison(atMost(1), { canary: 10, control: 0 })(test, 5, 0))).toBeCloseTo(1);
  });

  it('exceeds the untempered value by one at most, whatever the design effect', () => {
    const test = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(test, fc.double({ min: 1, max: 100, noNaN: true }), (test, designEffect) => {
        expect(evidence(test, designEffect)).toBeLessThanOrEqual(evidence(test) + 1);
      }),
    );
  });

  it('stays a number that JSON knows', () => {
    expect(JSON.parse(JSON.stringify(evidence([1e9, 5])))).toBeGreaterThan(1e300);
  });

  it('averages', () => {
    expect(meanEvidence([1, 3])).toBe(2);
    expect(meanEvidence([])).toBe(1);
  });
});
