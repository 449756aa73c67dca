import type { GenerationSpec } from '@frontier/contracts/model-spec';
import type { TextTokenizer } from '@frontier/model-store/tokenizer';
import type { GeneratedChunk, GenerationEnd, GenerationJob, Sampling } from '../protocol.ts';
import type { Decoder } from './decoder.ts';
import { GenerationEngine } from './engine.ts';

const END = 26;

/** a…z are the tokens 0…25. */
const letters: TextTokenizer = {
  encode: (text) => Array.from(text, (c) => c.charCodeAt(0) - 97),
  decode: (ids) => ids.map((id) => String.fromCharCode(97 + id)).join(''),
  idOf: (token) => (token === 'END' ? END : undefined),
};

/** The next letter of the alphabet, behind z the end. Remembers what it was asked to do. */
class AlphabetDecoder implements Decoder {
  readonly slots: number;
  readonly calls: string[] = [];
  failing: ((call: string) => boolean) | undefined;

  constructor(slots: number) {
    this.slots = slots;
  }

  async prefill(slot: number, tokens: readonly number[], length: number): Promise<Float32Array> {
    await this.#called(`prefill ${slot} ${letters.decode(tokens)} @${length}`);
    return after(tokens.at(-1) ?? 0);
  }

  async step(
    tokens: readonly number[],
    lengths: readonly number[],
    active: readonly number[],
  ): Promise<Float32Array> {
    await this.#called(
      `step ${active.map((s) => `${s}:${letters.decode([tokens[s] ?? 0])}@${lengths[s]}`).join(' ')}`,
    );
    const logits = new Float32Array(this.slots * (END + 1));
    for (const slot of active) logits.set(after(tokens[slot] ?? 0), slot * (END + 1));
    return logits;
  }

  async #called(call: string): Promise<void> {
    this.calls.push(call);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failing?.(call)) throw new Error('broken');
  }
}

function after(token: number): Float32Array {
  const logits = new Float32Array(END + 1);
  logits[Math.min(token + 1, END)] = 9;
  return logits;
}

const spec: GenerationSpec = {
  tokenizer: 'tokenizer.json', context: 32, slots: 2, layers: 1, heads: 1, headSize: 1, prefillChunk: 3,
  endOfText: 'END', defaultMaxNewTokens: 8,
}; // prettier-ignore

class Rig {
  readonly decoder: AlphabetDecoder;
  readonly engine: GenerationEngine;
  readonly chunks = new Map<number, GeneratedChunk[]>();
  readonly busy: number[] = [];
  onChunk: ((key: number, chunk: GeneratedChunk) => void) | undefined;
  #ended = new Map<number, (end: GenerationEnd) => void>();

  constructor(slots = 2) {
    this.decoder = new AlphabetDecoder(slots);
    this.engine = new GenerationEngine({
      spec,
      decoder: this.decoder,
      tokenizer: letters,
      endOfText: END,
      emit: ({ chunks, busySlots }) => {
        this.busy.push(busySlots);
        for (const [key, chunk] of chunks) {
          this.chunks.set(key, [...(this.chunks.get(key) ?? []), chunk]);
          this.onChunk?.(key, chunk);
          if (chunk.end) this.#ended.get(key)?.(chunk.end);
        }
      },
    });
  }

  start(key: number, prompt: string, sampling: Partial<Sampling> = {}, more: Partial<GenerationJob> = {}): Promise<GenerationEnd> {
    const ended = new Promise<GenerationEnd>((resolve) => this.#ended.set(key, resolve));
    const greedy = { temperature: 0, topK: 0, topP: 1, seed: 0, maxNewTokens: 8, stop: [] };
    this.engine.start(key, { prompt, resume: [], sampling: { ...greedy, ...sampling }, timeoutMs: 5_000, ...more });
    return ended;
  } // prettier-ignore

  textOf(key: number): string {
    return (this.chunks.get(key) ?? []).map((chunk) => chunk.text).join('');
  }
}

test('prefills in chunks, then makes tokens until the maximum', async () => {
  const rig = new Rig();
  expect(await rig.start(1, 'abcd', { maxNewTokens: 3 })).toMatchObject({
    reason: 'length', promptTokens: 4, completionTokens: 3, text: 'efg',
  }); // prettier-ignore
  expect(rig.decoder.calls).toEqual(['prefill 0 abc @0', 'prefill 0 d @3', 'step 0:e@4', 'step 0:f@5']);
  expect(rig.textOf(1)).toBe('efg');
});

test('ends at the end of the text, which is no token of the answer', async () => {
  const rig = new Rig();
  expect(await rig.start(1, 'x')).toMatchObject({ reason: 'stop', completionTokens: 2, text: 'yz' });
});

test('the offsets of the chunks count tokens without gap or overlap, and the first token comes alone', async () => {
  const rig = new Rig();
  await rig.start(1, 'a', { maxNewTokens: 20 });
  let offset = 0;
  for (const chunk of rig.chunks.get(1) ?? []) {
    expect(chunk.offset).toBe(offset);
    offset += chunk.tokens.length;
  }
  expect(offset).toBe(20);
  expect(rig.chunks.get(1)?.[0]).toMatchObject({ tokens: [1], text: 'b' });
});

test('sequences run together, one that comes later joins, one that ends makes room', async () => {
  const rig = new Rig(2);
  const first = rig.start(1, 'a', { maxNewTokens: 12 });
  const second = rig.start(2, 'k', { maxNewTokens: 2 });
  const third = rig.start(3, 'p', { maxNewTokens: 2 });
  expect((await second).text).toBe('lm');
  expect((await third).text).toBe('qr');
  expect((await first).text).toBe('bcdefghijklm');
  expect(rig.decoder.calls.some((call) => /step 0:.* 1:l/.test(call))).toBe(true);
  expect(rig.decoder.calls.some((call) => /step 0:.* 1:q/.test(call))).toBe(true);
  expect(Math.max(...rig.busy)).toBe(2);
  expect(rig.busy.at(-1)).toBe(0);
});

test('a long prompt delays the others by one chunk a token', async () => {
  const rig = new Rig(2);
  const running = rig.start(1, 'a', { maxNewTokens: 12 });
  const long = rig.start(2, 'abcdefghijkl', { maxNewTokens: 1 });
  await Promise.all([running, long]);
  const kinds = rig.decoder.calls.map((call) => call.split(' ')[0]);
  const lastPrefill = kinds.lastIndexOf('prefill');
  for (let i = 1; i < lastPrefill; i++) expect([kinds[i], kinds[i + 1]]).not.toEqual(['prefill', 'prefill']);
  expect(rig.textOf(2)).toBe('m');
});

test('cancel frees the slot within the turn, also of one that waits', async () => {
  const rig = new Rig(1);
  const running = rig.start(1, 'a', { maxNewTokens: 25 });
  const waiting = rig.start(2, 'a');
  const next = rig.start(3, 'p', { maxNewTokens: 1 });
  rig.engine.cancel(2);
  rig.onChunk = (key) => {
    if (key === 1) rig.engine.cancel(1);
  };
  expect(await waiting).toMatchObject({ reason: 'cancelled', completionTokens: 0 });
  const end = await running;
  expect(end.reason).toBe('cancelled');
  expect(end.completionTokens).toBeLessThan(4);
  expect((await next).text).toBe('q');
});

test('resumed tokens are prefilled, counted, and not given again', async () => {
  const rig = new Rig();
  const end = await rig.start(1, 'ab', { maxNewTokens: 6 }, { resume: [2, 3] });
  expect(end).toMatchObject({ reason: 'length', promptTokens: 2, completionTokens: 6, text: 'cdefgh' });
  expect(rig.chunks.get(1)?.[0]?.offset).toBe(2);
  expect(rig.textOf(1)).toBe('efgh');
  expect(rig.decoder.calls.slice(0, 2)).toEqual(['prefill 0 abc @0', 'prefill 0 d @3']);
});

test('a resumed answer that was complete ends at once', async () => {
  const rig = new Rig();
  expect(await rig.start(1, 'a', { maxNewTokens: 2 }, { resume: [1, 2] })).toMatchObject({ reason: 'length', text: 'bc' });
  expect(await rig.start(2, 'a', { stop: ['c'] }, { resume: [1, 2] })).toMatchObject({ reason: 'stop', text: 'b' });
  expect(rig.decoder.calls).toEqual([]);
}); // prettier-ignore

test('tokens that may belong to a stop string wait, so what an earlier run gave needs no other start', async () => {
  const rig = new Rig();
  const end = await rig.start(1, 'a', { maxNewTokens: 5, stop: ['cx', 'ef'] }, { resume: [1, 2] });
  expect(end).toMatchObject({ reason: 'stop', text: 'bcd', completionTokens: 5 });
  expect(rig.textOf(1)).toBe('d');
  expect(rig.chunks.get(1)?.flatMap((chunk) => chunk.tokens)).toEqual([3, 4, 5]);
});

test('a stop string ends the answer and is not shown', async () => {
  const rig = new Rig();
  expect(await rig.start(1, 'a', { stop: ['def'] })).toMatchObject({
    reason: 'stop',
    text: 'bc',
    completionTokens: 5,
  });
  expect(rig.textOf(1)).toBe('bc');
});

test('a prompt over the context is refused, a long answer is cut to what is left', async () => {
  const rig = new Rig();
  const refused = await rig.start(1, 'a'.repeat(32));
  expect(refused.error).toMatchObject({ code: 'INVALID_INPUT', details: { tokens: 32, context: 32 } });
  expect(await rig.start(2, 'a'.repeat(30), { maxNewTokens: 50 })).toMatchObject({ reason: 'length', completionTokens: 2 });
  expect(rig.decoder.calls.some((call) => call.includes('@31'))).toBe(false);
}); // prettier-ignore

test('an empty prompt starts behind an end of text', async () => {
  const rig = new Rig();
  expect(await rig.start(1, '')).toMatchObject({ promptTokens: 1, reason: 'stop', completionTokens: 0 });
});

test('a deadline that passes ends the sequence with TIMEOUT', async () => {
  const rig = new Rig(1);
  const end = await rig.start(1, 'a', {}, { timeoutMs: 0 });
  expect(end.error?.code).toBe('TIMEOUT');
  expect((await rig.start(2, 'a', { maxNewTokens: 1 })).text).toBe('b');
});

test('an execution that fails ends only what took part in it', async () => {
  const rig = new Rig(2);
  rig.decoder.failing = (call) => call.startsWith('prefill 1');
  const good = rig.start(1, 'a', { maxNewTokens: 4 });
  const bad = await rig.start(2, 'k');
  expect(bad.error).toMatchObject({ code: 'INTERNAL_ERROR' });
  expect((await good).text).toBe('bcde');
});
