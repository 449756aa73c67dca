import type { TokenChunk } from '@frontier/contracts/request';
import fc from 'fast-check';
import { charsOf, Transcript } from './transcript.ts';

/** An answer as its tokens' texts; a token in the middle of a character shows nothing. */
const answers = fc.array(fc.constantFrom('a', 'bc', ' de', '', '€', '👍'), { minLength: 1, maxLength: 20 });

function chunk(answer: readonly string[], from: number, to: number, epoch = 0): TokenChunk {
  const text = answer.slice(from, to).join('');
  return { id: 'inf', epoch, offset: from, tokens: answer.slice(from, to).map((_, i) => from + i), text };
}

/** Chunks that cut the answer anywhere, overlapping, missing, repeated and from several runs. */
const events = answers.chain((answer) => {
  const cut = fc.tuple(fc.nat(answer.length), fc.nat(answer.length), fc.nat(2));
  const live = cut.map(([a, b, epoch]) => ({
    kind: 'live' as const,
    chunk: chunk(answer, Math.min(a, b), Math.max(a, b), epoch),
  }));
  const log = fc
    .nat(answer.length)
    .map((to) => ({ kind: 'log' as const, log: to === 0 ? [] : [chunk(answer, 0, to)] }));
  const rewind = fc.constant({ kind: 'rewind' as const });
  const event = fc.oneof(
    { weight: 6, arbitrary: live },
    { weight: 2, arbitrary: log },
    { weight: 1, arbitrary: rewind },
  );
  return fc.record({
    answer: fc.constant(answer),
    events: fc.array(event, { maxLength: 40 }),
    from: fc.nat(answer.length),
  });
});

describe('Transcript', () => {
  it('gives every character once and in order, whatever the chunks', () => {
    fc.assert(
      fc.property(events, ({ answer, events, from }) => {
        const whole = answer.join('');
        const had = answer.slice(0, from).join('');
        const transcript = new Transcript(had.length);
        let sent = had;
        for (const event of events) {
          if (event.kind === 'live') sent += transcript.take(event.chunk) ?? '';
          else if (event.kind === 'log') sent += transcript.takeLog(event.log);
          else {
            const lost = Math.min(2, sent.length);
            transcript.rewind(lost);
            sent = sent.slice(0, sent.length - lost);
          }
          expect(whole.startsWith(sent)).toBe(true);
          expect(transcript.chars).toBe(sent.length);
        }
        expect(sent + transcript.takeAll(whole)).toBe(whole);
      }),
    );
  });

  it('follows chunks in order, and says where it is', () => {
    const answer = ['a', 'b', 'c', 'd'];
    const transcript = new Transcript(0);
    expect(transcript.take(chunk(answer, 0, 2))).toBe('ab');
    expect(transcript.position).toBe('0.2');
    expect(transcript.take(chunk(answer, 0, 2))).toBe('');
    expect(transcript.take(chunk(answer, 2, 3))).toBe('c');
    // A new run begins with what was logged, which is less than was shown.
    expect(transcript.take(chunk(answer, 2, 3, 1))).toBe('');
    expect(transcript.take(chunk(answer, 3, 4, 1))).toBe('d');
    expect(transcript.position).toBe('1.4');
    expect(transcript.take(chunk(answer, 3, 4, 0))).toBe('');
  });

  it('sees a gap, and lets the log fill it', () => {
    const answer = ['a', 'b', 'c', 'd'];
    const transcript = new Transcript(0);
    expect(transcript.take(chunk(answer, 1, 2))).toBeUndefined();
    expect(transcript.takeLog([chunk(answer, 0, 1), chunk(answer, 1, 3)])).toBe('abc');
    expect(transcript.take(chunk(answer, 1, 2))).toBe('');
    expect(transcript.take(chunk(answer, 3, 4))).toBe('d');
  });

  it('resumes from characters by the log only', () => {
    const answer = ['ab', 'cd', 'ef'];
    const transcript = new Transcript(3);
    expect(transcript.take(chunk(answer, 0, 1))).toBeUndefined();
    expect(transcript.takeLog([chunk(answer, 0, 1)])).toBe('');
    expect(transcript.takeLog([chunk(answer, 0, 2)])).toBe('d');
    expect(transcript.take(chunk(answer, 2, 3))).toBe('ef');
  });

  it('takes nothing from a place behind the end', () => {
    expect(new Transcript(99).takeAll('short')).toBe('');
  });
});

describe('charsOf', () => {
  it.each([
    ['0.12', 12],
    ['3.0', 0],
    ['', undefined],
    ['12', undefined],
    ['1.-2', undefined],
    ['1.9999999999', undefined],
    ['1.2.3', undefined],
  ])('%j → %p', (eventId, chars) => {
    expect(charsOf(eventId)).toBe(chars);
  });
});
