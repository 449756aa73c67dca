import { open, type FileHandle } from 'node:fs/promises';

/** A tensor whose bytes lie in another file. */
export interface ExternalData {
  /** Relative to the folder of the ONNX file. */
  location: string;
  /** Bytes of that file that are needed at least. */
  end: number;
}

type Message =
  'model' | 'graph' | 'node' | 'attribute' | 'tensor' | 'sparse' | 'training' | 'function' | 'entry';

/** Field numbers of onnx.proto under which a message lies that may lead to a tensor. */
const CHILDREN: Record<Message, Readonly<Record<number, Message>>> = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  tensor: { 13: 'entry' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  entry: {},
};

const MAX_DEPTH = 100;
const MAX_FIELDS = 50_000_000;
const MAX_TEXT = 4096;
const MAX_LOCATIONS = 10_000;
/** A tag and a length, each a varint of at most 10 bytes. */
const HEAD = 20;
const WINDOW = 256 * 1024;

/**
 * The external files of an ONNX model, each once. Reads the structure only: tensors and unknown fields are skipped
 * on disk, memory does not grow with the file. Throws for a file that is no well-formed message or over the limits.
 */
export async function externalData(file: string): Promise<ExternalData[]> {
  const handle = await open(file);
  try {
    return await new Walk(handle).run();
  } finally {
    await handle.close();
  }
}

class Walk {
  readonly #handle: FileHandle;
  readonly #found = new Map<string, number>();
  readonly #window = Buffer.allocUnsafe(WINDOW);
  /** The window holds the bytes [#from, #to) of the file. */
  #from = 0;
  #to = 0;
  #at = 0;
  #fields = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async run(): Promise<ExternalData[]> {
    const { size } = await this.#handle.stat();
    if (size === 0) throw new Error('not an ONNX model: the file is empty');
    await this.#message('model', size, 0);
    return [...this.#found].map(([location, end]) => ({ location, end }));
  }

  async #message(kind: Message, end: number, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new Error(`not an ONNX model: more than ${MAX_DEPTH} messages deep`);
    const entries = new Map<string, string>();
    while (this.#at < end) {
      await this.#need(Math.min(HEAD, end - this.#at));
      if (++this.#fields > MAX_FIELDS) throw new Error(`ONNX model with more than ${MAX_FIELDS} fields`);
      const tag = this.#varint(end);
      const child = CHILDREN[kind][Math.floor(tag / 8)];
      const next = this.#endOfField(tag, end);
      if (child === 'entry') entries.set(...(await this.#entry(next)));
      else if (child !== undefined && tag % 8 === 2) await this.#message(child, next, depth + 1);
      this.#at = next;
    }
    if (entries.size > 0) this.#add(entries);
  }

  /** Where the field ends whose tag was just read. */
  #endOfField(tag: number, end: number): number {
    let next: number;
    switch (tag % 8) {
      case 0:
        this.#varint(end);
        next = this.#at;
        break;
      case 1:
        next = this.#at + 8;
        break;
      case 2: {
        const length = this.#varint(end);
        next = this.#at + length;
        break;
      }
      case 5:
        next = this.#at + 4;
        break;
      default:
        throw new Error(`not an ONNX model: unknown kind of field at byte ${this.#at}`);
    }
    if (next > end)
      throw new Error(`not an ONNX model, or truncated: a field at byte ${this.#at} is too long`);
    return next;
  }

  /** `StringStringEntryProto`: key (1) and value (2). */
  async #entry(end: number): Promise<[string, string]> {
    const texts = ['', '', ''];
    while (this.#at < end) {
      await this.#need(Math.min(HEAD, end - this.#at));
      const tag = this.#varint(end);
      const next = this.#endOfField(tag, end);
      const field = Math.floor(tag / 8);
      if (tag % 8 === 2 && (field === 1 || field === 2)) texts[field] = await this.#text(next);
      this.#at = next;
    }
    return [texts[1] ?? '', texts[2] ?? ''];
  }

  async #text(end: number): Promise<string> {
    const length = end - this.#at;
    if (length > MAX_TEXT) throw new Error(`external data: a text of ${length} bytes`);
    await this.#need(length);
    const start = this.#at - this.#from;
    return this.#window.toString('utf8', start, start + length);
  }

  #add(entries: ReadonlyMap<string, string>): void {
    const location = entries.get('location') ?? '';
    const end = count(entries, 'offset') + count(entries, 'length');
    this.#found.set(location, Math.max(end, this.#found.get(location) ?? 0));
    if (this.#found.size > MAX_LOCATIONS) throw new Error(`more than ${MAX_LOCATIONS} external files`);
  }

  /** Makes the next bytes lie in the window. */
  async #need(bytes: number): Promise<void> {
    if (this.#at >= this.#from && this.#at + bytes <= this.#to) return;
    const { bytesRead } = await this.#handle.read(this.#window, 0, WINDOW, this.#at);
    this.#from = this.#at;
    this.#to = this.#at + bytesRead;
    if (bytesRead < bytes) throw new Error('not an ONNX model: the file ends too early');
  }

  #varint(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 10; shift += 1) {
      if (this.#at >= end) break;
      const byte = this.#window[this.#at - this.#from] ?? 0;
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    throw new Error(`not an ONNX model: a number at byte ${this.#at} does not end`);
  }
}

function count(entries: ReadonlyMap<string, string>, key: string): number {
  const text = entries.get(key) ?? '0';
  if (!/^\d{1,15}$/.test(text)) throw new Error(`external data: ${key} is not a number`);
  return Number(text);
}
