import { readFile } from 'node:fs/promises';
import { Tokenizer } from '@huggingface/tokenizers';

export interface TextTokenizer {
  /** No special tokens are added. */
  encode(text: string): number[];
  /** Special tokens are left out; bytes that are no whole character become U+FFFD. */
  decode(ids: readonly number[]): string;
  /** The id of one token by its text, for example `<|endoftext|>`. */
  idOf(token: string): number | undefined;
}

/** Loads a `tokenizer.json` of the Hugging Face format. */
export async function loadTokenizer(file: string): Promise<TextTokenizer> {
  const json = JSON.parse(await readFile(file, 'utf8')) as object;
  // Without clean-up decode is the inverse of encode: the default would eat the space before a full stop.
  const tokenizer = new Tokenizer(json, { clean_up_tokenization_spaces: false });
  return {
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: true })),
    idOf: (token) => tokenizer.token_to_id(token),
  };
}
