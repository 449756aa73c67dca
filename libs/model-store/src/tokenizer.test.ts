import { resolve } from 'node:path';
import { loadTokenizer } from './tokenizer.ts';

const file = resolve(__dirname, '../../../models/tiny-gpt/1/tokenizer.json');

test.each(['Once upon a time , there was a cat .', 'naïve café — 北京 🙂', '  two  spaces\n\ttab', ''])(
  'decode is the inverse of encode: %j',
  async (text) => {
    const tokenizer = await loadTokenizer(file);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  },
);

test('knows ids of special tokens and leaves them out of text', async () => {
  const tokenizer = await loadTokenizer(file);
  const end = tokenizer.idOf('<|endoftext|>');
  expect(end).toBeDefined();
  expect(tokenizer.decode([...tokenizer.encode('a'), end ?? 0])).toBe('a');
  expect(tokenizer.idOf('<|nothing|>')).toBeUndefined();
});
