import fc from 'fast-check';
import { FrameReader } from './wire.ts';

function message(type: string, body: string): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(type, 0, 'latin1');
  bytes.writeInt32BE(4 + body.length, 1);
  bytes.write(body, 5, 'latin1');
  return bytes;
}

function greeting(code: number, body = ''): Buffer {
  const bytes = Buffer.alloc(8 + body.length);
  bytes.writeInt32BE(bytes.length, 0);
  bytes.writeInt32BE(code, 4);
  bytes.write(body, 8, 'latin1');
  return bytes;
}

const startup = greeting(196_608, 'user\0postgres\0\0');
const extended = Buffer.concat([message('P', 'select $1'), message('B', 'S Q X'), message('S', '')]);
const simple = message('Q', 'select 1\0');

it('cuts a conversation in the same places, however it arrives', () => {
  const all = Buffer.concat([greeting(80_877_103), startup, extended, simple, message('X', '')]);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: all.length })), (places) => {
      const reader = new FrameReader();
      const cuts = [0, ...places.toSorted((a, b) => a - b), all.length];
      const frames = cuts.flatMap((cut, i) => [...reader.read(all.subarray(cut, cuts[i + 1] ?? cut))]);
      expect(frames).toEqual([
        { kind: 'encryption' },
        { kind: 'round', bytes: startup },
        { kind: 'round', bytes: extended },
        { kind: 'round', bytes: simple },
        { kind: 'end' },
      ]);
    }),
  );
});

it('ends with a request to cancel', () => {
  expect([...new FrameReader().read(greeting(80_877_102, '12345678'))]).toEqual([{ kind: 'end' }]);
});

it('refuses lengths that cannot be', () => {
  for (const greeting of [Buffer.alloc(8), Buffer.from('GET / HTTP/1.1')]) {
    expect(() => [...new FrameReader().read(greeting)]).toThrow('not a message');
  }
  const reader = new FrameReader();
  const broken = Buffer.concat([startup, Buffer.from([80, 0, 0, 0, 0])]);
  expect(() => [...reader.read(broken)]).toThrow('not a message');
});

it('holds a bounded part of a message that never ends', () => {
  const reader = new FrameReader();
  expect([...reader.read(startup)]).toHaveLength(1);
  const part = Buffer.alloc(1024 * 1024, 'x');
  part.writeInt32BE(0x7fff_0000, 1);
  expect(() => {
    for (let i = 0; i < 20; i += 1) expect([...reader.read(part)]).toEqual([]);
  }).toThrow('more than 16777216 bytes');
});
