import type { TensorSpec } from '@frontier/contracts/model-spec';
import { bytesElements, type DType } from '@frontier/contracts/tensor';
import fc from 'fast-check';
import { tensorFromJson } from './json-tensor.ts';
import { numbersOf } from './numbers.ts';

const MAX_BYTES = 4096;

function spec(dtype: DType, shape: number[], kind: TensorSpec['kind'] = 'tensor'): TensorSpec {
  return { name: 'x', dtype, shape, kind, optional: false };
}

function refusal(
  declared: TensorSpec,
  value: unknown,
): { code: string; message: string; details: Record<string, unknown> } {
  try {
    tensorFromJson(declared, value, MAX_BYTES);
  } catch (error) {
    return error as never;
  }
  throw new Error('not refused');
}

describe('tensorFromJson', () => {
  it('lays nested arrays out in row-major order', () => {
    const tensor = tensorFromJson(spec('INT32', [-1, 2, 2]), [[[1, 2], [3, 4]], [[5, 6], [7, -8]]], MAX_BYTES); // prettier-ignore
    expect(tensor.shape).toEqual([2, 2, 2]);
    expect([...numbersOf(tensor)]).toEqual([1, 2, 3, 4, 5, 6, 7, -8]);
  });

  it.each<[DType, unknown[], string]>([
    ['BOOL', [true, false, 1, 0], '01000100'],
    ['INT8', [-128, 127], '807f'],
    ['UINT8', [0, 255], '00ff'],
    ['INT16', [-2], 'feff'],
    ['UINT16', [65_535], 'ffff'],
    ['UINT32', [4_294_967_295], 'ffffffff'],
    ['INT64', [-1, '-9223372036854775808'], 'ffffffffffffffff0000000000000080'],
    ['UINT64', ['18446744073709551615'], 'ffffffffffffffff'],
    ['FP16', [1, -65_504], '003cfffb'],
    ['FP32', [1.5], '0000c03f'],
    ['FP64', [-2], '00000000000000c0'],
  ])('encodes %s', (dtype, values, hex) => {
    expect(Buffer.from(tensorFromJson(spec(dtype, [-1]), values, MAX_BYTES).data).toString('hex')).toBe(hex);
  });

  it.each<[string, DType, unknown]>([
    ['over the range', 'INT8', 128],
    ['under the range', 'UINT16', -1],
    ['a fraction', 'INT32', 1.5],
    ['over 32 bits', 'INT32', 2 ** 31],
    ['an infinity', 'FP32', JSON.parse('1e400')],
    ['too large for FP32', 'FP32', 3.5e38],
    ['too large for FP16', 'FP16', 65_520],
    ['NaN', 'FP64', NaN],
    ['null', 'FP32', null],
    ['a text', 'FP32', '1'],
    ['true', 'INT32', true],
    ['a list', 'INT32', [1]],
    ['a number that lost digits', 'INT64', 2 ** 53],
    ['over 64 bits', 'INT64', '9223372036854775808'],
    ['no decimal', 'UINT64', '0x10'],
    ['2', 'BOOL', 2],
  ])('refuses %s as %s, with its place', (_, dtype, value) => {
    const { code, message, details } = refusal(spec(dtype, [-1, 2]), [[0, 0], [0, value]]); // prettier-ignore
    expect(code).toBe('INVALID_INPUT');
    expect(message).toMatch(/^tensor x: the value at \[1\]\[1\] is not /);
    expect(details).toMatchObject({ tensor: 'x', index: [1, 1], datatype: dtype });
  });

  it.each<[string, unknown, number[]]>([
    ['a wrong length', [[1, 2]], [1, 2]],
    ['too few levels', [1, 2, 3], [3]],
    ['too many levels', [[[1], [2], [3]]], [1, 3, 1]],
    ['no array', 7, []],
    ['no rows', [], [0]],
    ['empty rows', [[], []], [2, 0]],
  ])('refuses %s with both shapes', (_, value, shape) => {
    const { code, details } = refusal(spec('INT32', [-1, 3]), value);
    expect(code).toBe('INVALID_INPUT');
    expect(details).toEqual({ tensor: 'x', shape, expected_shape: [-1, 3] });
  });

  it('refuses ragged rows where they begin', () => {
    expect(refusal(spec('INT32', [-1, -1]), [[1, 2], [3]])).toMatchObject({ code: 'INVALID_INPUT', details: { index: [1, 0] } }); // prettier-ignore
    expect(refusal(spec('INT32', [-1, -1]), [[1, 2], 3])).toMatchObject({ code: 'INVALID_INPUT', details: { index: [1, 0] } }); // prettier-ignore
  });

  it('refuses a claimed size before anything of it is made', () => {
    const claims = [new Array(100_000).fill(0), ...new Array(99_999).fill([])];
    for (const dtype of ['INT32', 'BYTES'] as const) {
      expect(refusal(spec(dtype, [-1, -1]), claims)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', details: { max_bytes: MAX_BYTES } }); // prettier-ignore
    }
  });

  it('reads texts, JSON values and images, one alone as one row', () => {
    const read = (kind: TensorSpec['kind'], value: unknown) =>
      bytesElements(tensorFromJson(spec('BYTES', [-1], kind), value, MAX_BYTES)).map((e) =>
        Buffer.from(e).toString(),
      );
    expect(read('text', 'Zoë')).toEqual(['Zoë']);
    expect(read('text', ['a', ''])).toEqual(['a', '']);
    expect(read('json', { a: [1] })).toEqual(['{"a":[1]}']);
    expect(read('json', [[1], null])).toEqual(['[1]', 'null']);
    expect(read('image', Buffer.from('abc').toString('base64'))).toEqual(['abc']);
    expect(read('image', `data:image/png;base64,${Buffer.from('abcd').toString('base64')}`)).toEqual([
      'abcd',
    ]);
  });

  it.each([
    '',
    'YQ',
    'YQ=',
    'Y Q=',
    '-_--',
    'data:image/png,abcd',
    'data:;base64,YWJj',
    'data:image/png;base64,!',
  ])('refuses %j as an image', (value) => {
    expect(refusal(spec('BYTES', [-1], 'image'), value)).toMatchObject({
      code: 'INVALID_INPUT',
      details: { index: [0] },
    });
  });

  it('holds any tensor of floats without changing it', () => {
    const rows = fc.integer({ min: 1, max: 4 });
    const values = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(
        rows.chain((n) =>
          fc.array(fc.array(values, { minLength: 3, maxLength: 3 }), { minLength: n, maxLength: n }),
        ),
        (given) => {
          const { data } = tensorFromJson(
            spec('FP32', [-1, 3]),
            JSON.parse(JSON.stringify(given)),
            MAX_BYTES,
          );
          // JSON has no negative zero.
          expect([...numbersOf({ dtype: 'FP32', data })]).toEqual(given.flat().map((value) => value + 0));
        },
      ),
    );
  });
});
