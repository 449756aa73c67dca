import { GenerationModel } from './generation-model.ts';
import type { GeneratedChunk, GenerationEnd, GenerationJob, Sampling } from './protocol.ts';
import { RecordedEvents, shippedModel } from './testing.ts';

/* On the real tiny-gpt, in its thread. */

let model: GenerationModel;

beforeAll(async () => {
  model = await GenerationModel.load({
    model: await shippedModel('tiny-gpt'),
    providers: ['cpu'],
    events: new RecordedEvents(),
  });
}, 30_000);

afterAll(() => model.close());

const PROMPT = 'Once upon a time there was a little girl';

interface Answer {
  chunks: GeneratedChunk[];
  end: GenerationEnd;
}

function jobOf(sampling: Partial<Sampling>, more: Partial<GenerationJob> = {}): GenerationJob {
  const defaults = { temperature: 1, topK: 0, topP: 1, seed: 42, maxNewTokens: 24, stop: [] };
  return { prompt: PROMPT, resume: [], timeoutMs: 20_000, ...more, sampling: { ...defaults, ...sampling } };
}

function generate(job: GenerationJob, onChunk?: (chunk: GeneratedChunk) => void): Promise<Answer> {
  const chunks: GeneratedChunk[] = [];
  return new Promise((resolve) => {
    model.start(job, (chunk) => {
      chunks.push(chunk);
      onChunk?.(chunk);
      if (chunk.end) resolve({ chunks, end: chunk.end });
    });
  });
}

function tokensOf({ chunks }: Answer): number[] {
  return chunks.flatMap((chunk) => chunk.tokens);
}

test('the chunks make up the answer and its usage', async () => {
  const { chunks, end } = await generate(jobOf({}));
  expect(chunks.map((chunk) => chunk.text).join('')).toBe(end.text);
  expect(chunks.flatMap((chunk) => chunk.tokens)).toHaveLength(end.completionTokens);
  expect(chunks[0]?.tokens).toHaveLength(1);
  expect(end.promptTokens).toBeGreaterThan(3);
  expect(end.computeUs).toBeGreaterThan(0);
});

test('a seed gives the same text alone, again, in any company and in any slot', async () => {
  const alone = await generate(jobOf({}));
  const others = [...Array(12).keys()].map((i) => generate(jobOf({ seed: i, temperature: 1.3 }, { prompt: `${PROMPT} ${i}` }))); // prettier-ignore
  const inCompany = await Promise.all([generate(jobOf({})), ...others, generate(jobOf({}))]);
  expect(tokensOf(inCompany[0])).toEqual(tokensOf(alone));
  expect(tokensOf(inCompany.at(-1)!)).toEqual(tokensOf(alone));
  expect(tokensOf(await generate(jobOf({ seed: 43 })))).not.toEqual(tokensOf(alone));
});

test('temperature 0 does not depend on the seed', async () => {
  const [a, b] = await Promise.all([generate(jobOf({ temperature: 0, seed: 1 })), generate(jobOf({ temperature: 0, seed: 2 }))]); // prettier-ignore
  expect(tokensOf(a)).toEqual(tokensOf(b));
});

test('a resumed answer goes on where it was', async () => {
  const whole = await generate(jobOf({}));
  const made = tokensOf(whole).slice(0, 10);
  const rest = await generate(jobOf({}, { resume: made }));
  expect(rest.chunks[0]?.offset).toBe(10);
  expect([...made, ...tokensOf(rest)]).toEqual(tokensOf(whole));
  expect(rest.end.text).toBe(whole.end.text);
  expect(rest.end.completionTokens).toBe(whole.end.completionTokens);
});

test('a stop string from the middle of the text cuts it there', async () => {
  const { text } = (await generate(jobOf({}))).end;
  const stop = text.slice(Math.floor(text.length / 2), Math.floor(text.length / 2) + 3);
  const { chunks, end } = await generate(jobOf({ stop: [stop] }));
  expect(end).toMatchObject({ reason: 'stop', text: text.slice(0, text.indexOf(stop)) });
  expect(chunks.map((chunk) => chunk.text).join('')).toBe(end.text);
});

test('cancelled sequences make room for those that wait', async () => {
  const running = [...Array(model.capacity).keys()].map((seed) => {
    let cancel = (): void => {};
    const answer = new Promise<GenerationEnd>((resolve) => {
      ({ cancel } = model.start(
        jobOf({ seed, maxNewTokens: 240 }),
        (chunk) => chunk.end && resolve(chunk.end),
      ));
    });
    return { answer, cancel };
  });
  const waiting = generate(jobOf({ maxNewTokens: 1 }));
  running[3]?.cancel();
  expect((await waiting).end.reason).toBe('length');
  running.forEach(({ cancel }) => cancel());
  const ends = await Promise.all(running.map(({ answer }) => answer));
  expect(ends.every((end) => end.reason === 'cancelled' || end.completionTokens < 240)).toBe(true);
  expect(model.busySlots).toBe(0);
});

test('a new stream does not wait until the others end', async () => {
  const order: string[] = [];
  const long = generate(jobOf({ maxNewTokens: 200, temperature: 1.5 }), (chunk) => chunk.end && order.push('long ended'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const short = generate(jobOf({ maxNewTokens: 3 }), () => order.push('short'));
  await Promise.all([long, short]);
  expect(order[0]).toBe('short');
}); // prettier-ignore

test('a prompt over the context is the fault of its caller', async () => {
  const { end } = await generate(jobOf({}, { prompt: 'word '.repeat(600) }));
  expect(end.error?.code).toBe('INVALID_INPUT');
});
