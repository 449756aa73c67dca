import fc from 'fast-check';
import { expired, timeOf } from './rotation.ts';

const nameAt = (at: number) => `${new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')}.dump`;
const START = Date.parse('2026-11-21T10:00:30Z');

test('the name of a dump says when it was begun', () => {
  expect(timeOf('20261121T100030Z.dump')).toBe(START);
  expect(timeOf('20261121T100030Z.rdb')).toBe(START);
  expect(timeOf(nameAt(START))).toBe(START);
  for (const other of ['20261121T100030Z.dump.sha256', '.20261121T100030Z.dump', '20261321T100030Z.dump', 'hold'])
    expect(timeOf(other)).toBeUndefined(); // prettier-ignore
});

test('keeps the newest, and the last of each hour and day', () => {
  // One every 30 s for three days: 8,640 dumps.
  const names = Array.from({ length: 8_640 }, (_, i) => nameAt(START + i * 30_000));
  const gone = new Set(expired(names, { newest: 4, hours: 3, days: 2 }));
  const kept = names.filter((name) => !gone.has(name)).reverse();
  expect(kept).toEqual([
    '20261124T100000Z.dump',
    '20261124T095930Z.dump',
    '20261124T095900Z.dump',
    '20261124T095830Z.dump',
    '20261124T085930Z.dump',
    '20261123T235930Z.dump',
  ]);
});

test('files that are no dumps are left alone', () => {
  expect(expired(['hold', 'last', '20261121T100030Z.dump.sha256'], { newest: 0, hours: 0, days: 0 })).toEqual([]); // prettier-ignore
});

test('a second look finds nothing more, and the newest is never lost', () => {
  const keepArb = fc.record({ newest: fc.integer({ min: 1, max: 5 }), hours: fc.nat(5), days: fc.nat(5) });
  const timesArb = fc.uniqueArray(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(timesArb, keepArb, (seconds, keep) => {
      const names = seconds.map((s) => nameAt(START + s * 1_000));
      const gone = new Set(expired(names, keep));
      const kept = names.filter((name) => !gone.has(name));
      expect(kept).toContain(nameAt(START + Math.max(...seconds) * 1_000));
      expect(kept.length).toBeLessThanOrEqual(keep.newest + keep.hours + keep.days);
      expect(expired(kept, keep)).toEqual([]);
    }),
  );
});
