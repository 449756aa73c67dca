import { WHOLE } from '@frontier/contracts/traffic';
import fc from 'fast-check';
import { armOf, assign, isMirrored, murmur3, subjectOf } from './traffic-split.ts';

const share = fc.integer({ min: 0, max: WHOLE });
const subjects = Array.from({ length: 40_000 }, (_, i) => subjectOf('tenant', `user-${i}`));

/** Within five standard deviations of a binomial count. */
function expectNear(count: number, of: number, part: number): void {
  expect(Math.abs(count - of * part)).toBeLessThanOrEqual(5 * Math.sqrt(of * part * (1 - part)));
}

describe('murmur3', () => {
  // The reference implementation's answers.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
  ])('of %j with seed %d', (text, seed, hash) => {
    expect(murmur3(Buffer.from(text), seed)).toBe(hash);
  });

  it('depends on the bytes alone, wherever they lie', () => {
    const text = Buffer.from('xabcdefg');
    expect(murmur3(text.subarray(1), 7)).toBe(murmur3(Buffer.from('abcdefg'), 7));
  });
});

describe('assign', () => {
  it('lets nobody out of the canary while the share grows', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), share, share, (salt, subject, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const [before, after] = [less, more].map((share) => assign({ salt, share }, subject));
        expect(before?.half).toBe(after?.half);
        if (before?.variant === 'canary') expect(after?.variant).toBe('canary');
      }),
    );
  });

  it('gives nothing at 0 and all at the whole', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (salt, subject) => {
        expect(assign({ salt, share: 0 }, subject).variant).toBe('stable');
        expect(assign({ salt, share: WHOLE }, subject).variant).toBe('canary');
      }),
    );
  });

  it.each([100, 500, 2_500, 5_000, 8_000])('at %d gives canary and control their parts', (share) => {
    const given = subjects.map((subject) => assign({ salt: 's', share }, subject));
    const of = (variant: string) => given.filter((one) => one.variant === variant);
    expectNear(of('canary').length, subjects.length, share / WHOLE);
    expectNear(of('control').length, subjects.length, Math.min(share, WHOLE - share) / WHOLE);
    expectNear(of('canary').filter(({ half }) => half === 'a').length, of('canary').length, 1 / 2);
  });

  it('deals anew with another salt', () => {
    const inBoth = subjects.filter((subject) =>
      ['one', 'other'].every((salt) => assign({ salt, share: 2_500 }, subject).variant === 'canary'),
    );
    expectNear(inBoth.length, subjects.length, 1 / 16);
  });

  it('is by the bytes of the whole subject, however long it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1_500 }), (subject) => {
        const hash = murmur3(Buffer.from(`s|${subject}`), 0);
        const { variant, half } = assign({ salt: 's', share: 5_000 }, subject);
        expect({ variant, half }).toEqual({
          variant: hash % WHOLE < 5_000 ? 'canary' : 'control',
          half: hash < 2 ** 31 ? 'a' : 'b',
        });
      }),
    );
  });

  it('is the same for ever: a change of the hash would move everybody', () => {
    const given = subjects.slice(0, 8).map((subject) => assign({ salt: 'salt', share: 5_000 }, subject));
    expect(given.map(({ variant, half }) => variant[1] + half).join(' ')).toBe('aa ob ob ob aa ob oa aa');
  });
});

describe('armOf', () => {
  const arms = [
    { name: 'one', version: '1', share: 1_000 },
    { name: 'two', version: '2', share: 3_000 },
  ];

  it('gives each arm its part and the rest to nobody', () => {
    const given = subjects.map((subject) => armOf({ id: 'e', salt: 's', arms }, subject)?.name);
    expectNear(given.filter((name) => name === 'one').length, subjects.length, 0.1);
    expectNear(given.filter((name) => name === 'two').length, subjects.length, 0.3);
    expectNear(given.filter((name) => name === undefined).length, subjects.length, 0.6);
  });
});

describe('isMirrored', () => {
  it('takes its share of the calls', () => {
    const mirrored = subjects.filter((id) => isMirrored({ id: 's', version: '2', share: 2_000 }, id));
    expectNear(mirrored.length, subjects.length, 0.2);
  });
});
