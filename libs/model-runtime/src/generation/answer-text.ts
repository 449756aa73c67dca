import type { TextTokenizer } from '@frontier/model-store/tokenizer';

/** Bytes of a UTF-8 character that may still be waiting for its last one. */
const OPEN_BYTES = 3;
/** Tokens before the new ones that are decoded with them: a tokenizer may treat the start of a text differently. */
const CONTEXT = 4;
const REPLACEMENT = '\uFFFD';

/** Tokens with their text. A token belongs to the piece that shows the last of its text. */
export interface Piece {
  tokens: number[];
  text: string;
}

/**
 * Turns the tokens of an answer into its text, piece by piece. Never gives half a character; never gives any part
 * of a stop string, which may begin in one token and end in a later one: tokens wait until their whole text is sure,
 * so there is no text without its tokens.
 */
export class AnswerText {
  readonly #tokenizer: TextTokenizer;
  readonly #stop: readonly string[];
  /** The last tokens whose text is known. */
  #context: number[] = [];
  #contextLength = 0;
  /** Behind them: tokens that end inside a character. */
  #open: number[] = [];
  /** Their text is known, but a stop string may begin in it. */
  #held: Piece[] = [];
  #stopped = false;
  #text = '';

  constructor(tokenizer: TextTokenizer, prompt: readonly number[], stop: readonly string[]) {
    this.#tokenizer = tokenizer;
    this.#stop = stop;
    this.#setContext(prompt);
  }

  /** All that was given so far. */
  get text(): string {
    return this.#text;
  }

  /** A stop string is complete: nothing more comes. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** What becomes sure with this token; often nothing, or several tokens. */
  push(token: number): Piece {
    this.#open.push(token);
    const window = [...this.#context, ...this.#open];
    const decoded = this.#tokenizer.decode(window);
    if (decoded.endsWith(REPLACEMENT) && this.#open.length <= OPEN_BYTES) return { tokens: [], text: '' };
    const text = decoded.slice(this.#contextLength);
    this.#held.push({ tokens: this.#open, text });
    this.#setContext(window);
    this.#open = [];
    return this.#release();
  }

  /** Gives all that waits: no stop string comes any more. The beginning of a character is no text. */
  finish(): Piece {
    const rest = { tokens: this.#open, text: '' };
    this.#open = [];
    return this.#give([...this.#held.splice(0), rest]);
  }

  #setContext(tokens: readonly number[]): void {
    this.#context = tokens.slice(-CONTEXT);
    this.#contextLength = this.#tokenizer.decode(this.#context).length;
  }

  #release(): Piece {
    const pending = this.#held.map((piece) => piece.text).join('');
    const cut = firstOf(pending, this.#stop);
    if (cut !== undefined) {
      this.#stopped = true;
      return this.#give(this.#held.splice(0), cut);
    }
    let left = pending.length - openTail(pending, this.#stop);
    const waiting = this.#held.findIndex((piece) => (left -= piece.text.length) < 0);
    return this.#give(this.#held.splice(0, waiting === -1 ? Infinity : waiting));
  }

  #give(pieces: Piece[], length?: number): Piece {
    const tokens = pieces.flatMap((piece) => piece.tokens);
    const text = pieces
      .map((piece) => piece.text)
      .join('')
      .slice(0, length);
    this.#text += text;
    return { tokens, text };
  }
}

/** Where the first stop string begins. */
function firstOf(text: string, stop: readonly string[]): number | undefined {
  const found = stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
  return found.length > 0 ? Math.min(...found) : undefined;
}

/** The length of the longest end of `text` with which a stop string begins. */
function openTail(text: string, stop: readonly string[]): number {
  let longest = 0;
  for (const s of stop) {
    for (let length = Math.min(s.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(s.slice(0, length))) longest = length;
    }
  }
  return longest;
}
