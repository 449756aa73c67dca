import fc from 'fast-check';
import { bytesTensor, DTYPES, elementBytes, type DType, type Tensor } from '@frontier/contracts/tensor';
import { concatRows, splitRows } from './rows.ts';
import { planSplit } from './split.ts';

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);

/** A tensor of any type, with elements of any length where the type has no fixed one. */
function tensorOf(dtype: DType, rows: number, columns: number, seed: number): Tensor {
  const count = rows * columns;
  if (dtype === 'BYTES') {
    const elements = Array.from({ length: count }, (_, i) => new Uint8Array((i * seed) % 7).fill(i));
    return bytesTensor('x', elements, [rows, columns]);
  }
  const data = Uint8Array.from({ length: count * elementBytes(dtype) }, (_, i) => i * seed);
  return { name: 'x', dtype, shape: [rows, columns], data };
}

const sizes = { rows: fc.integer({ min: 1, max: 200 }), maxRows: fc.integer({ min: 1, max: 64 }) };

describe('planSplit', () => {
  it('leaves whole what fits, and evens out what does not', () => {
    expect(planSplit(8, 100, { maxRows: 8, maxBytes: 100 })).toEqual([8]);
    expect(planSplit(9, 90, { maxRows: 8, maxBytes: 100 })).toEqual([5, 4]);
    expect(planSplit(4, 400, { maxRows: 8, maxBytes: 250 })).toEqual([2, 2]);
    expect(planSplit(0, 0, { maxRows: 8, maxBytes: 100 })).toEqual([0]);
  });

  it('makes a part of each row that is larger than a batch may be', () => {
    expect(planSplit(3, 3000, { maxRows: 8, maxBytes: 100 })).toEqual([1, 1, 1]);
    expect(planSplit(1, 3000, { maxRows: 8, maxBytes: 100 })).toEqual([1]);
  });

  it('keeps every part within the limits, and makes no more parts than that takes', () => {
    fc.assert(
      fc.property(
        fc.record({
          ...sizes,
          rowBytes: fc.integer({ min: 0, max: 1000 }),
          maxBytes: fc.integer({ min: 1, max: 9000 }),
        }),
        ({ rows, maxRows, rowBytes, maxBytes }) => {
          const parts = planSplit(rows, rows * rowBytes, { maxRows, maxBytes });
          expect(sum(parts)).toBe(rows);
          for (const part of parts) {
            expect(part).toBeGreaterThanOrEqual(1);
            expect(part).toBeLessThanOrEqual(maxRows);
            if (part > 1) expect(part * rowBytes).toBeLessThanOrEqual(maxBytes);
          }
          const atOnce = Math.max(Math.min(maxRows, Math.floor(maxBytes / Math.max(rowBytes, 1e-9))), 1);
          expect(parts.length).toBe(Math.ceil(rows / atOnce));
        },
      ),
    );
  });

  it('gives the same bytes when the parts are joined again, for any type of data', () => {
    fc.assert(
      fc.property(
        fc.record({
          ...sizes,
          dtype: fc.constantFrom(...DTYPES),
          columns: fc.integer({ min: 1, max: 5 }),
          seed: fc.nat(1000),
        }),
        ({ rows, maxRows, dtype, columns, seed }) => {
          const whole = tensorOf(dtype, rows, columns, seed);
          const parts = splitRows(whole, planSplit(rows, whole.data.length, { maxRows, maxBytes: 64 }));
          expect(concatRows(parts)).toEqual(whole);
        },
      ),
    );
  });
});
