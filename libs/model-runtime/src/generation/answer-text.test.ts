import { resolve } from 'node:path';
import fc from 'fast-check';
import { loadTokenizer, type TextTokenizer } from '@frontier/model-store/tokenizer';
import { AnswerText, type Piece } from './answer-text.ts';

let tokenizer: TextTokenizer;

beforeAll(async () => {
  tokenizer = await loadTokenizer(resolve(__dirname, '../../../../models/tiny-gpt/1/tokenizer.json'));
});

function pieces(text: string, stop: string[] = []): { pieces: string[]; stopped: boolean } {
  const answer = new AnswerText(tokenizer, tokenizer.encode('Once upon'), stop);
  const out: Piece[] = [];
  const pushed: number[] = [];
  for (const token of tokenizer.encode(text)) {
    if (answer.stopped) break;
    pushed.push(token);
    out.push(answer.push(token));
  }
  out.push(answer.finish());
  expect(out.map((piece) => piece.text).join('')).toBe(answer.text);
  expect(out.flatMap((piece) => piece.tokens)).toEqual(pushed);
  for (const piece of out) if (piece.tokens.length === 0) expect(piece.text).toBe('');
  return { pieces: out.map((piece) => piece.text), stopped: answer.stopped };
}

test('characters of several tokens come whole', () => {
  const text = ' café 北京 🙂 done';
  expect(tokenizer.encode(text).length).toBeGreaterThan(15);
  const got = pieces(text).pieces;
  expect(got.join('')).toBe(text);
  expect(got.join('|')).not.toContain('\uFFFD');
  // Throws for half of a surrogate pair.
  for (const piece of got) encodeURIComponent(piece);
});

test('the rest of a character that never came is left out', () => {
  const answer = new AnswerText(tokenizer, [], []);
  const [first = 0] = tokenizer.encode('北');
  expect(answer.push(first)).toEqual({ tokens: [], text: '' });
  expect(answer.finish()).toEqual({ tokens: [first], text: '' });
  expect(answer.text).toBe('');
});

test('bytes that are no character hold nothing back for ever', () => {
  const answer = new AnswerText(tokenizer, [], []);
  const [first = 0] = tokenizer.encode('北');
  for (let i = 0; i < 10; i++) answer.push(first);
  expect(answer.text.length).toBeGreaterThan(3);
});

test('a stop string that spans tokens is never shown, nor what follows it', () => {
  for (const stop of ['the end', ' the', 'e e', 'END', 'd']) {
    const text = 'This is the end, END my friend';
    const { pieces: got, stopped } = pieces(text, [stop]);
    expect(stopped).toBe(true);
    expect(got.join('')).toBe(text.slice(0, text.indexOf(stop)));
  }
});

test('what only looked like a stop string is shown', () => {
  expect(pieces('ab ab abX', ['abY', 'ab aby'])).toMatchObject({ stopped: false });
  expect(pieces('ab ab ab', ['ab abc']).pieces.join('')).toBe('ab ab ab');
});

test('the stop string that is complete first counts', () => {
  expect(pieces('one two three', ['three', 'two']).pieces.join('')).toBe('one ');
});

test('for any text and stop strings: all of it, or up to where a stop string begins, and never a part of one', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '🙂', 'é'), maxLength: 30 });
  const stop = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '🙂'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(letters, fc.array(stop, { maxLength: 3 }), (text, stops) => {
      const { pieces: got, stopped } = pieces(text, stops);
      const given = got.join('');
      expect(text.startsWith(given)).toBe(true);
      expect(stopped).toBe(stops.some((s) => text.includes(s)));
      if (!stopped) expect(given).toBe(text);
      else expect(stops.some((s) => text.startsWith(s, given.length))).toBe(true);
      expect(stops.some((s) => given.includes(s))).toBe(false);
    }),
  );
});
