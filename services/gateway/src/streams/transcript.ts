import type { TokenChunk } from '@frontier/contracts/request';

/**
 * Puts a generated text together from chunks that come late, twice, out of order, cut at different places or from a
 * run that was lost: every character once and in order.
 *
 * A place in the text is known as characters (what a client has) and, while `aligned`, also as tokens (by which
 * chunks say where they start). A chunk that neither continues the text nor lies behind it makes a gap, which only
 * the token log can fill.
 */
export class Transcript {
  #epoch = 0;
  #tokens = 0;
  #chars: number;
  #aligned: boolean;

  /** `chars`: what the client already has. */
  constructor(chars: number) {
    this.#chars = chars;
    this.#aligned = chars === 0;
  }

  /** `<epoch>.<characters>`: where a client that has all of the text so far may resume. */
  get position(): string {
    return `${this.#epoch}.${this.#chars}`;
  }

  get chars(): number {
    return this.#chars;
  }

  /** The new text of a live chunk, empty if there is none; undefined: a gap. */
  take({ epoch, offset, tokens, text }: TokenChunk): string | undefined {
    if (!this.#aligned) return undefined;
    const end = offset + tokens.length;
    // Without a token of its own it is the flush at the end of the answer, which the whole text repeats.
    if (epoch < this.#epoch || end <= this.#tokens || tokens.length === 0) return '';
    if (offset !== this.#tokens) return undefined;
    this.#epoch = epoch;
    this.#tokens = end;
    this.#chars += text.length;
    return text;
  }

  /** The new text of the token log, given from its start. */
  takeLog(log: readonly TokenChunk[]): string {
    const text = log.map((chunk) => chunk.text).join('');
    const tokens = log.reduce((sum, chunk) => sum + chunk.tokens.length, 0);
    // The log lags behind the live tokens: then it says nothing new.
    if (text.length < this.#chars || (this.#aligned && tokens < this.#tokens)) return '';
    return this.#moveTo(text, tokens, log.at(-1)?.epoch ?? 0);
  }

  /** The rest of the complete text. */
  takeAll(text: string): string {
    return text.length < this.#chars ? '' : this.#moveTo(text, this.#tokens, this.#epoch);
  }

  /** Forgets the last characters, because they were not sent: the log will give them again. */
  rewind(chars: number): void {
    this.#chars -= chars;
    this.#aligned = this.#chars === 0;
    if (this.#aligned) this.#tokens = 0;
  }

  #moveTo(text: string, tokens: number, epoch: number): string {
    const fresh = text.slice(this.#chars);
    this.#chars = text.length;
    this.#tokens = tokens;
    this.#epoch = Math.max(this.#epoch, epoch);
    this.#aligned = true;
    return fresh;
  }
}

const EVENT_ID = /^\d{1,9}\.(\d{1,9})$/;

/** The characters that a client has, by its `Last-Event-ID`; undefined for anything that is not an event id. */
export function charsOf(eventId: string): number | undefined {
  const chars = EVENT_ID.exec(eventId)?.[1];
  return chars === undefined ? undefined : Number(chars);
}
