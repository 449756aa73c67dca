/** Frames of PostgreSQL's protocol, version 3, as far as a server has to tell them apart. */

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;

/** A report of 1 MiB and what lies around it, with room. */
const MAX_BYTES = 16 * 1024 * 1024;

/** As in PostgreSQL: what is longer was said in another protocol. */
const MAX_GREETING_BYTES = 10_000;

/**
 * `encryption`: is there any? `round`: messages that are answered together, up to the point where the server says
 * that it is ready for more. `end`: the client leaves, or asks for what is not offered.
 */
export type Frame = { kind: 'encryption' } | { kind: 'round'; bytes: Buffer } | { kind: 'end' };

const SYNC = 'S'.charCodeAt(0);
const QUERY = 'Q'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);

/** Cuts what one client sends into frames. Holds at most 16 MiB: then it throws. */
export class FrameReader {
  #unread: Buffer = Buffer.alloc(0);
  /** Of `#unread`: whole messages of a round that goes on. */
  #whole = 0;
  #started = false;

  *read(chunk: Buffer): Generator<Frame> {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (this.#unread.length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes at once`);
    for (let frame = this.#next(); frame; frame = this.#next()) yield frame;
  }

  #next(): Frame | undefined {
    return this.#started ? this.#nextRound() : this.#greeting();
  }

  /** The first messages have no type: their length, then a number that tells what they are. */
  #greeting(): Frame | undefined {
    if (this.#unread.length < 8) return undefined;
    const length = this.#unread.readInt32BE(0);
    if (length < 8 || length > MAX_GREETING_BYTES) throw new Error('not a message of PostgreSQL');
    if (this.#unread.length < length) return undefined;
    const code = this.#unread.readInt32BE(4);
    const bytes = this.#take(length);
    if (code === SSL_REQUEST || code === GSS_REQUEST) return { kind: 'encryption' };
    if (code === CANCEL_REQUEST) return { kind: 'end' };
    this.#started = true;
    return { kind: 'round', bytes };
  }

  #nextRound(): Frame | undefined {
    while (this.#unread.length >= this.#whole + 5) {
      const type = this.#unread[this.#whole];
      const length = this.#unread.readInt32BE(this.#whole + 1) + 1;
      if (length < 5) throw new Error('not a message of PostgreSQL');
      if (this.#unread.length < this.#whole + length) return undefined;
      this.#whole += length;
      if (type === TERMINATE) return { kind: 'end' };
      if (type === SYNC || type === QUERY) return { kind: 'round', bytes: this.#take(this.#whole) };
    }
    return undefined;
  }

  #take(length: number): Buffer {
    const bytes = this.#unread.subarray(0, length);
    this.#unread = this.#unread.subarray(length);
    this.#whole = 0;
    return bytes;
  }
}
