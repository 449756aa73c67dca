import fc from 'fast-check';
import { uniform } from './random.ts';
import { sampleToken } from './sampling.ts';

const logits = Float32Array.from([1, 3, 2, 0, 3]);

/** How often each token comes out of many draws. */
function shares(choice: Parameters<typeof sampleToken>[1], n = 20_000): number[] {
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < n; i++) {
    const token = sampleToken(logits, choice, uniform(5, i));
    counts[token] = (counts[token] ?? NaN) + 1;
  }
  return counts.map((count) => count / n);
}

function softmax(kept: number[], temperature: number): number[] {
  const weights = [...logits].map((l, i) => (kept.includes(i) ? Math.exp(l / temperature) : 0));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / total);
}

function expectClose(actual: number[], wanted: number[]): void {
  actual.forEach((share, i) => expect(Math.abs(share - (wanted[i] ?? NaN))).toBeLessThan(0.015));
}

test('temperature 0 takes the first of the likeliest', () => {
  for (const u of [0, 0.5, 0.999])
    expect(sampleToken(logits, { temperature: 0, topK: 3, topP: 0.1 }, u)).toBe(1);
});

test('without limits the shares are those of the softmax at that temperature', () => {
  for (const temperature of [0.5, 1, 2]) {
    expectClose(shares({ temperature, topK: 0, topP: 1 }), softmax([0, 1, 2, 3, 4], temperature));
  }
});

test('top-k keeps the k likeliest, and what equals the last of them', () => {
  expectClose(shares({ temperature: 1, topK: 3, topP: 1 }), softmax([1, 2, 4], 1));
  expectClose(shares({ temperature: 1, topK: 1, topP: 1 }), softmax([1, 4], 1));
});

test('top-p keeps the fewest that make up p', () => {
  expectClose(shares({ temperature: 1, topK: 0, topP: 0.5 }), softmax([1, 4], 1));
  expectClose(shares({ temperature: 1, topK: 0, topP: 0.9 }), softmax([1, 2, 4], 1));
});

test('top-p counts within what top-k leaves', () => {
  expectClose(shares({ temperature: 1, topK: 2, topP: 0.99 }), softmax([1, 4], 1));
});

test('always a token that exists, also for extreme numbers', () => {
  const anyLogits = fc.array(fc.float({ noNaN: true, min: -(2 ** 100), max: 2 ** 100 }), {
    minLength: 1,
    maxLength: 50,
  });
  const anyChoice = fc.record({
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    topK: fc.integer({ min: 0, max: 60 }),
    topP: fc.double({ min: 1e-6, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      anyLogits,
      anyChoice,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (l, choice, u) => {
        const token = sampleToken(Float32Array.from(l), choice, u);
        expect(token).toBeGreaterThanOrEqual(0);
        expect(token).toBeLessThan(l.length);
      },
    ),
  );
});
