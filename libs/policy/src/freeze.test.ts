import fc from 'fast-check';
import { freezeFault, frozenBy, syncWindows, type FreezeWindow } from './freeze.ts';

const window = (schedule: string, minutes: number): FreezeWindow => ({
  schedule,
  minutes,
  reason: 'weekend',
});
const frozen = (of: FreezeWindow, at: string) => frozenBy([of], Date.parse(at)) !== undefined;

test('freezes from the first minute of a window to its last', () => {
  const weekend = window('0 18 * * 5', 62 * 60);
  expect(frozen(weekend, '2026-11-20T17:59:59.999Z')).toBe(false);
  expect(frozen(weekend, '2026-11-20T18:00:00Z')).toBe(true);
  expect(frozen(weekend, '2026-11-22T12:00:00Z')).toBe(true);
  expect(frozen(weekend, '2026-11-23T07:59:59.999Z')).toBe(true);
  expect(frozen(weekend, '2026-11-23T08:00:00Z')).toBe(false);
});

test('lists, ranges and steps', () => {
  const of = window('*/20,5 8-10 1-3,24 */6 *', 1);
  expect(frozen(of, '2026-07-02T09:20:30Z')).toBe(true);
  expect(frozen(of, '2026-07-24T08:05:00Z')).toBe(true);
  expect(frozen(of, '2026-07-02T11:20:00Z')).toBe(false);
  expect(frozen(of, '2026-07-04T09:20:00Z')).toBe(false);
  expect(frozen(of, '2026-08-02T09:20:00Z')).toBe(false);
});

test('day and weekday together: either is enough, as in cron', () => {
  const of = window('0 0 13 * 5', 1);
  expect(frozen(of, '2026-10-13T00:00:00Z')).toBe(true);
  expect(frozen(of, '2026-10-16T00:00:00Z')).toBe(true);
  expect(frozen(of, '2026-10-14T00:00:00Z')).toBe(false);
});

test('knows the calendar', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('1970-01-02'), max: new Date('2200-01-01'), noInvalidDate: true }),
      (date) => {
        // prettier-ignore
        const exact = `${date.getUTCMinutes()} ${date.getUTCHours()} ${date.getUTCDate()} ${date.getUTCMonth() + 1} *`; // prettier-ignore
        expect(frozenBy([window(exact, 1)], date.getTime())).toBeDefined();
        const weekday = `${date.getUTCMinutes()} ${date.getUTCHours()} * * ${date.getUTCDay()}`;
        expect(frozenBy([window(weekday, 1)], date.getTime())).toBeDefined();
        const other = `* * * * ${(date.getUTCDay() + 1) % 7}`;
        expect(frozenBy([window(other, 1)], date.getTime())).toBeUndefined();
      },
    ),
  );
});

test.each([
  '* * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 7',
  '5-1 * * * *',
  '*/0 * * * *',
  '5/2 * * * *',
  'a * * * *',
  '-1 * * * *',
  '1,,2 * * * *',
])(
  // prettier-ignore
  'says what is wrong with %s',
  (schedule) => {
    expect(freezeFault(window(schedule, 10))).toContain(schedule);
    expect(() => frozenBy([window(schedule, 10)], 0)).toThrow('schedule');
  },
);

test('says what is wrong with a length or a reason', () => {
  expect(freezeFault(window('* * * * *', 0))).toContain('minutes');
  expect(freezeFault(window('* * * * *', 1e6))).toContain('minutes');
  expect(freezeFault({ ...window('* * * * *', 1), reason: ' ' })).toContain('reason');
  expect(freezeFault(window('* * * * *', 1))).toBeUndefined();
});

test('the same for Argo CD', () => {
  expect(syncWindows([window(' 0  18 * * 5', 90)], ['models-prod'])).toEqual([
    { kind: 'deny', schedule: '0 18 * * 5', duration: '90m', applications: ['models-prod'], manualSync: true, timeZone: 'UTC' }, // prettier-ignore
  ]);
});
