import fc from 'fast-check';
import { bytesTensor, type Tensor } from '@frontier/contracts/tensor';
import { batchKey, concatRows, splitRows } from './rows.ts';

const ints = (rows: number, columns: number, fill: number): Tensor => ({
  name: 'x',
  dtype: 'INT32',
  shape: [rows, columns],
  data: new Uint8Array(Int32Array.from({ length: rows * columns }, () => fill).buffer),
});

describe('rows', () => {
  it('gives every item back exactly its own rows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 9 }), (counts) => {
        const parts = counts.map((rows, i) => ints(rows, 3, i));
        expect(splitRows(concatRows(parts), counts)).toEqual(parts);
      }),
    );
  });

  it('does so for elements of any length, and for items without rows', () => {
    const element = fc.uint8Array({ maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.array(element, { maxLength: 4 }), { minLength: 1, maxLength: 6 }), (items) => {
        const parts = items.map((elements) => bytesTensor('s', elements));
        const back = splitRows(concatRows(parts), items.map((elements) => elements.length)); // prettier-ignore
        expect(back).toEqual(parts);
      }),
    );
  });

  it('refuses an answer with the wrong number of rows or bytes', () => {
    expect(() => splitRows(ints(3, 2, 0), [1, 1])).toThrow('3 rows, 2 were expected');
    const short = { ...ints(2, 2, 0), data: new Uint8Array(4) };
    expect(() => splitRows(short, [1, 1])).toThrow('do not fill');
    const cut = bytesTensor('s', [new Uint8Array(5)]);
    expect(() => splitRows({ ...cut, shape: [2] }, [1, 1])).toThrow('cut short');
  });

  it('keys by all but the number of rows', () => {
    expect(batchKey([ints(1, 3, 0)])).toBe(batchKey([ints(9, 3, 1)]));
    expect(batchKey([ints(1, 3, 0)])).not.toBe(batchKey([ints(1, 4, 0)]));
  });
});
