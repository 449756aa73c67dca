import fc from 'fast-check';
import { bisect } from './bisect.ts';

/** Runs batches until none is left: one that holds a poisonous item fails, and a poisonous item alone fails twice. */
function run(items: number[], poisonous: ReadonlySet<number>) {
  const executions = new Map<number, number>();
  const answered: number[] = [];
  const isolated: number[] = [];
  let batches: number[][] = [items];
  for (let batch = batches.shift(); batch; batch = batches.shift()) {
    for (const item of batch) executions.set(item, (executions.get(item) ?? 0) + 1);
    if (!batch.some((item) => poisonous.has(item))) answered.push(...batch);
    else if (batch.length > 1) batches = [...bisect(batch), ...batches];
    else if (isolated.includes(batch[0] as number)) continue;
    else {
      isolated.push(...batch);
      batches = [...bisect(batch), ...batches];
    }
  }
  return { executions, answered, isolated };
}

const indexes = (length: number) => Array.from({ length }, (_, i) => i);

describe('bisect', () => {
  it('halves; one item stays itself', () => {
    expect(bisect([1, 2, 3, 4, 5])).toEqual([[1, 2], [3, 4, 5]]); // prettier-ignore
    expect(bisect([1])).toEqual([[1]]);
    expect(bisect([])).toEqual([]);
  });

  it('isolates the one poisonous item of 32 within 7 executions, and answers the 31 others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 31 }), (poison) => {
        const { executions, answered, isolated } = run(indexes(32), new Set([poison]));
        expect(answered.sort((a, b) => a - b)).toEqual(indexes(32).filter((item) => item !== poison));
        expect(isolated).toEqual([poison]);
        expect(executions.get(poison)).toBe(7);
        for (const item of answered) expect(executions.get(item)).toBeLessThanOrEqual(6);
      }),
    );
  });

  it('isolates any number of them in batches of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.uniqueArray(fc.nat(63)), (size, poisons) => {
        const poisonous = new Set(poisons.filter((item) => item < size));
        const { executions, answered, isolated } = run(indexes(size), poisonous);
        expect(new Set(isolated)).toEqual(poisonous);
        expect(isolated.length).toBe(poisonous.size);
        expect([...answered, ...isolated].sort((a, b) => a - b)).toEqual(indexes(size));
        for (const item of isolated)
          expect(executions.get(item)).toBeLessThanOrEqual(Math.ceil(Math.log2(size)) + 2);
      }),
    );
  });
});
