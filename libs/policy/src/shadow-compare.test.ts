import { bytesTensor, type Tensor } from '@frontier/contracts/tensor';
import fc from 'fast-check';
import { compareOutputs, toleranceOf } from './shadow-compare.ts';

const NUMBERS = toleranceOf('benchmark');
const scores = (...values: number[]): Tensor => ({
  name: 'y',
  dtype: 'FP32',
  shape: [values.length / 2, 2],
  data: new Uint8Array(new Float32Array(values).buffer),
});
const text = (value: string) => bytesTensor('text', [Buffer.from(value)]);

describe('classification', () => {
  const tolerance = toleranceOf('image-classification');

  it('is the same while the largest score is at the same place', () => {
    expect(compareOutputs([scores(0.9, 0.1)], [scores(0.6, 0.4)], tolerance)).toEqual({ same: true, difference: 0 }); // prettier-ignore
    const half = compareOutputs([scores(0.9, 0.1, 0.2, 0.8)], [scores(0.4, 0.6, 0.2, 0.8)], tolerance);
    expect(half).toEqual({ same: false, difference: 0.5 });
  });
});

describe('numbers', () => {
  it('may differ a little, by their size', () => {
    expect(compareOutputs([scores(100, 0)], [scores(100.5, 0.0005)], NUMBERS).same).toBe(true);
    expect(compareOutputs([scores(100, 0)], [scores(102, 0)], NUMBERS)).toMatchObject({ same: false, difference: expect.closeTo(0.02, 5) }); // prettier-ignore
    expect(compareOutputs([scores(1, 0)], [scores(NaN, 0)], NUMBERS)).toEqual({ same: false, difference: 1 });
    expect(compareOutputs([scores(NaN, 0)], [scores(NaN, 0)], NUMBERS)).toEqual({
      same: true,
      difference: 0,
    });
  });

  it('are read by their type', () => {
    const of = (dtype: Tensor['dtype'], data: ArrayBufferView<ArrayBuffer>, shape = [1]): Tensor => ({ name: 'y', dtype, shape, data: new Uint8Array(data.buffer) }); // prettier-ignore
    const differs = (one: Tensor, other: Tensor) => compareOutputs([one], [other], NUMBERS).difference;
    const pooled = (value: bigint): Tensor => ({ name: 'y', dtype: 'INT64', shape: [1], data: Buffer.from(new Uint8Array(new BigInt64Array([value]).buffer)) }); // prettier-ignore
    expect(differs(pooled(-4n), pooled(-3n))).toBe(0.25);
    expect(differs(of('INT64', new BigInt64Array([-4n])), of('INT64', new BigInt64Array([-3n])))).toBe(0.25);
    expect(differs(of('FP16', new Uint16Array([0x4400])), of('FP16', new Uint16Array([0x4200])))).toBe(0.25);
    expect(differs(of('UINT8', new Uint8Array([200])), of('UINT8', new Uint8Array([100])))).toBe(0.5);
    // Views into a payload are not aligned.
    const odd = new Uint8Array(9);
    new DataView(odd.buffer).setFloat64(1, 2, true);
    expect(differs({ ...of('FP64', new Float64Array([2])), data: odd.subarray(1) }, of('FP64', new Float64Array([2])))).toBe(0); // prettier-ignore
  });
});

describe('text', () => {
  it('is compared by edits', () => {
    expect(compareOutputs([text('kitten')], [text('sitting')], toleranceOf('ocr'))).toEqual({ same: false, difference: 3 / 7 }); // prettier-ignore
    expect(compareOutputs([text('a long line')], [text('a long lime')], toleranceOf('ocr')).same).toBe(true);
    expect(compareOutputs([text('')], [text('')], toleranceOf('ocr')).same).toBe(true);
  });

  it('takes a bounded time, and counts what it does not look at by its length', () => {
    const long = 'x'.repeat(1_000_000);
    expect(compareOutputs([text(long)], [text(`${long}${long}`)], toleranceOf('ocr')).difference).toBe(0.5);
  });

  it('differs from 0 for equal texts to 1 at most, either way round', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const there = compareOutputs([text(a)], [text(b)], toleranceOf('ocr')).difference;
        expect(there).toBe(compareOutputs([text(b)], [text(a)], toleranceOf('ocr')).difference);
        expect(there === 0).toBe(text(a).data.join() === text(b).data.join());
        expect(there).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('answers of another form', () => {
  it('have nothing in common', () => {
    const nothing = { same: false, difference: 1 };
    expect(compareOutputs([text('a')], [], NUMBERS)).toEqual(nothing);
    expect(compareOutputs([text('a')], [{ ...text('a'), name: 'b' }], NUMBERS)).toEqual(nothing);
    expect(compareOutputs([scores(1, 2)], [{ ...text('a'), name: 'y' }], NUMBERS)).toEqual(nothing);
    expect(compareOutputs([scores(1, 2)], [scores(1, 2, 3, 4)], NUMBERS)).toEqual(nothing);
    expect(compareOutputs([text('a')], [bytesTensor('text', [])], NUMBERS)).toEqual(nothing);
  });
});
