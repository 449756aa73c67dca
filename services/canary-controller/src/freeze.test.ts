import { parseEnv } from '@frontier/kit/config';
import { shape } from './config.ts';
import { freezeOf } from './freeze.ts';

const WEEKEND = { schedule: '0 18 * * 5', minutes: 3_720, reason: 'weekend' };
const required = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://u@127.0.0.1:1/d' };
const parse = (windows: unknown) => parseEnv(shape, { ...required, CANARY_FREEZE_WINDOWS: JSON.stringify(windows) }); // prettier-ignore

test('a window freezes while it lasts, and says which one it is', () => {
  let now = Date.parse('2026-11-20T17:59:59Z');
  const { canaryFreezeWindows: windows } = parse([WEEKEND]);
  const frozen = freezeOf({ always: false, windows, now: () => now });
  expect(frozen()).toBeUndefined();
  now = Date.parse('2026-11-20T18:00:00Z');
  expect(frozen()).toBe('freeze window 0 18 * * 5 (UTC), 3720 min: weekend');
  now = Date.parse('2026-11-23T08:00:00Z');
  expect(frozen()).toBeUndefined();
});

test('by the setting it is frozen always', () => {
  expect(freezeOf({ always: true, windows: [], now: () => 0 })()).toBe('CANARY_FREEZE is set');
});

test('there are no windows unless somebody sets them', () => {
  expect(parseEnv(shape, required).canaryFreezeWindows).toEqual([]);
});

test.each([
  [[{ ...WEEKEND, schedule: '0 18 * *' }], '0: schedule: 0 18 * *: five fields are needed'],
  [[{ ...WEEKEND, minutes: 0 }], '0: minutes must be'],
  [[{ ...WEEKEND, until: 'monday' }], '0: Unrecognized key'],
  [Array.from({ length: 21 }, () => WEEKEND), '<=20'],
  [WEEKEND, 'expected array'],
])('a wrong window is refused at the start: %#', (windows, message) => {
  expect(() => parse(windows)).toThrow(message);
});
