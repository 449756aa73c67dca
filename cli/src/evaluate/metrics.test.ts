import fc from 'fast-check';
import { classification, editDistance, quantile, regression, text } from './metrics.ts';

const label = (expected: string, actual: string) => ({ expected, actual });

test('accuracy and macro F1', () => {
  // a: 2 right of 3 expected, 2 answered; b: 1 of 1, 2 answered. F1: 4/5 and 2/3.
  const pairs = [label('a', 'a'), label('a', 'a'), label('a', 'b'), label('b', 'b')];
  expect(classification(pairs)).toEqual({
    accuracy: 0.75,
    macro_f1: expect.closeTo((4 / 5 + 2 / 3) / 2, 12),
  });
  expect(classification([label('a', 'b')])).toEqual({ accuracy: 0, macro_f1: 0 });
});

test('errors of numbers, coverage of intervals, and the reference', () => {
  const pairs = [
    { expected: 1, actual: 2, interval: [0, 1] as const, reference: 3 },
    { expected: 3, actual: 2, interval: [0, 2] as const, reference: 1 },
  ];
  expect(regression(pairs)).toEqual({
    rmse: 1,
    mae: 1,
    r2: 0,
    interval_coverage: 0.5,
    rmse_to_reference: 0.5,
  });
  expect(regression([{ expected: 1, actual: 1 }])).toEqual({ rmse: 0, mae: 0 });
  const partly = [
    { expected: 1, actual: 1, interval: [0, 2] as const },
    { expected: 2, actual: 2 },
  ];
  expect(regression(partly)).not.toHaveProperty('interval_coverage');
});

test('text: by characters, not by UTF-16 units', () => {
  expect(text([label('kitten', 'sitting'), label('😀a', '😀b')])).toEqual({
    exact_match: 0,
    cer: (3 + 1) / 8,
  });
  expect(text([label('', 'x')])).toEqual({ exact_match: 0, cer: 1 });
});

test('the edit distance is a metric', () => {
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      const ab = editDistance(a, b);
      expect(ab).toBe(editDistance(b, a));
      expect(ab === 0).toBe(a.join('') === b.join(''));
      expect(editDistance(a, c)).toBeLessThanOrEqual(ab + editDistance(b, c));
      expect(ab).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

test('a quantile is one of the values', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1), quantile([7], 0.99)]).toEqual([
    50, 99, 100, 7,
  ]);
});
