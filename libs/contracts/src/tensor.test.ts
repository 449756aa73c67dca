import fc from 'fast-check';
import {
  bytesElements,
  bytesTensor,
  decodeTensors,
  encodeTensors,
  shapeFits,
  type Tensor,
} from './tensor.ts';

describe('tensors', () => {
  it('come back from their encoding byte for byte, whatever their names and sizes', () => {
    const tensor = fc
      .record({ name: fc.string({ unit: 'binary' }), data: fc.uint8Array({ maxLength: 50 }) })
      .map(({ name, data }): Tensor => ({ name, dtype: 'UINT8', shape: [data.length], data }));
    fc.assert(
      fc.property(fc.array(tensor, { maxLength: 5 }), (tensors) => {
        expect(decodeTensors(encodeTensors(tensors))).toEqual(tensors);
      }),
    );
  });

  it('hold elements of any length', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), (elements) => {
        expect(bytesElements(bytesTensor('s', elements))).toEqual(elements);
      }),
    );
  });

  it('refuse elements that are cut short or of another number', () => {
    const whole = bytesTensor('s', [new Uint8Array(3), new Uint8Array(2)]);
    for (let length = 1; length < whole.data.length; length += 1) {
      expect(() => bytesElements({ ...whole, data: whole.data.subarray(0, length) })).toThrow(/s:/);
    }
    expect(() => bytesElements({ ...whole, shape: [3] })).toThrow('2 BYTES elements for shape [3]');
    const endless = { ...whole, data: new Uint8Array([255, 255, 255, 255]) };
    expect(() => bytesElements(endless)).toThrow('cut short');
  });

  it('fit a declared shape where it is free', () => {
    expect(shapeFits([4, 16], [-1, 16])).toBe(true);
    expect(shapeFits([4, 15], [-1, 16])).toBe(false);
    expect(shapeFits([4], [-1, 16])).toBe(false);
  });
});
