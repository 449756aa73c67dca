import type { WireError } from '@frontier/contracts/errors';
import type { GeneratedChunk, GenerationEnd, Sampling } from '../protocol.ts';
import type { AnswerText, Piece } from './answer-text.ts';
import { uniform } from './random.ts';
import { sampleToken } from './sampling.ts';

export interface SequenceStart {
  key: number;
  promptTokens: number;
  /** Prompt, and the tokens of an earlier run. */
  input: readonly number[];
  resumed: readonly number[];
  sampling: Sampling;
  endOfText: number;
  text: AnswerText;
  /** By `performance.now()`. */
  deadline: number;
}

/** One answer in the making: what is still to be prefilled, what is made, what is not yet sent. */
export class Sequence {
  readonly key: number;
  readonly deadline: number;
  readonly #start: SequenceStart;
  /** Positions that the cache holds. */
  #length = 0;
  /** Tokens of the answer, resumed ones included. */
  #count: number;
  #last = 0;
  #computeUs = 0;
  #unsent: { offset: number; tokens: number[]; text: string };
  #end: GenerationEnd | undefined;

  constructor(start: SequenceStart) {
    this.#start = start;
    this.key = start.key;
    this.deadline = start.deadline;
    this.#count = start.resumed.length;
    this.#unsent = { offset: this.#count, tokens: [], text: '' };
    // Their text was given by the run that made them.
    for (const token of start.resumed) start.text.push(token);
    start.text.finish();
    if (start.text.stopped) this.finish('stop');
    else if (this.#count >= start.sampling.maxNewTokens) this.finish('length');
  }

  get length(): number {
    return this.#length;
  }

  /** The token that the next step appends. */
  get last(): number {
    return this.#last;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  get prefilled(): boolean {
    return this.#length >= this.#start.input.length;
  }

  /** The next tokens of the input, at most `count`. */
  nextInput(count: number): readonly number[] {
    return this.#start.input.slice(this.#length, this.#length + count);
  }

  /** The cache holds `positions` more. */
  advance(positions: number): void {
    this.#length += positions;
  }

  /** Its share of an execution. */
  charge(computeUs: number): void {
    this.#computeUs += computeUs;
  }

  /** Draws the next token from the logits behind the last position. */
  accept(logits: Float32Array): void {
    if (this.#end) return;
    const { sampling, endOfText, text } = this.#start;
    const token = sampleToken(logits, sampling, uniform(sampling.seed, this.#count));
    if (token === endOfText) return this.finish('stop');
    this.#last = token;
    this.#count += 1;
    this.#keep(text.push(token));
    if (text.stopped) this.finish('stop');
    else if (this.#count >= sampling.maxNewTokens) this.finish('length');
  }

  /** The first call decides; later ones change nothing. */
  finish(reason: GenerationEnd['reason'], error?: WireError): void {
    if (this.#end) return;
    const { promptTokens, text } = this.#start;
    this.#keep(text.finish());
    const end = {
      reason,
      promptTokens,
      completionTokens: this.#count,
      computeUs: Math.round(this.#computeUs),
    };
    this.#end = { ...end, text: text.text, error };
  }

  #keep({ tokens, text }: Piece): void {
    this.#unsent.tokens.push(...tokens);
    this.#unsent.text += text;
  }

  /** No token of this run has been sent, and there is one. */
  get firstIsDue(): boolean {
    return this.#unsent.offset === this.#start.resumed.length && this.#unsent.tokens.length > 0;
  }

  /** Takes what was not sent yet; undefined when there is nothing. */
  takeChunk(): GeneratedChunk | undefined {
    const chunk = this.#unsent;
    if (chunk.tokens.length === 0 && !this.#end) return undefined;
    this.#unsent = { offset: chunk.offset + chunk.tokens.length, tokens: [], text: '' };
    return this.#end ? { ...chunk, end: this.#end } : chunk;
  }
}
