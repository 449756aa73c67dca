import { ctcDecode } from './ctc-text.ts';

const CHARACTERS = ['', 'a', 'b', '漢', ' '];

/** One step a class: that class with probability `p`, the rest shared by the others. */
function steps(...best: [index: number, p: number][]): Float32Array {
  return Float32Array.from(
    best.flatMap(([index, p]) =>
      CHARACTERS.map((_, i) => (i === index ? p : (1 - p) / (CHARACTERS.length - 1))),
    ),
  );
}

test('repetitions merge, a blank between them keeps both, blanks vanish', () => {
  const { text } = ctcDecode(
    steps([0, 0.9], [1, 0.9], [1, 0.9], [0, 0.9], [1, 0.9], [4, 0.9], [2, 0.9], [3, 0.9]),
    CHARACTERS,
  );
  expect(text).toBe('aa b漢');
});

test('the confidence is the mean of the characters that are kept', () => {
  const { text, confidence } = ctcDecode(steps([1, 0.8], [1, 0.3], [0, 1], [2, 0.4]), CHARACTERS);
  expect(text).toBe('ab');
  expect(confidence).toBeCloseTo(0.6, 6);
});

test('only blanks, or no step at all: no text, confidence 0', () => {
  expect(ctcDecode(steps([0, 1], [0, 0.6]), CHARACTERS)).toEqual({ text: '', confidence: 0 });
  expect(ctcDecode(new Float32Array(0), CHARACTERS)).toEqual({ text: '', confidence: 0 });
});

test('the best class wins wherever it stands, over one half or not', () => {
  expect(ctcDecode(Float32Array.of(0.1, 0.2, 0.3, 0.15, 0.25), CHARACTERS).text).toBe('b');
  expect(ctcDecode(Float32Array.of(0.4, 0.05, 0, 0, 0.55), CHARACTERS).text).toBe(' ');
});
