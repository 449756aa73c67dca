import type { Rollout, Scrape } from '@frontier/contracts/rollout';
import { driftReasons, DriftWatch, isDriftFreeze } from './drift.ts';

const watch = () => new DriftWatch({ stable: '1', canary: '2.1' } as Rollout);
const scrape = (at: number, drift?: string[]): Scrape => ({ at, bounds: [], epochs: {}, readings: [], ...(drift && { drift }) }); // prettier-ignore

test('an alarm lasts when it was on at two scrapes in a row', () => {
  const watched = watch();
  const drift = ['1 out.score', '2.1 in.a b', '2 out.score'];
  const now = ['drift: out.score of version 1', 'drift: in.a b of version 2.1'];
  expect(watched.look(scrape(1, drift))).toEqual({ now, lasting: [] });
  expect(watched.look(scrape(2, drift.slice(1)))).toEqual({ now: now.slice(1), lasting: now.slice(1) });
  expect(watched.look(scrape(3))).toEqual({ now: [], lasting: [] });
  expect(watched.look(scrape(4, drift)).lasting).toEqual([]);
});

test('the same scrape again is no second one', () => {
  const watched = watch();
  expect(watched.look(scrape(5, ['1 out.score'])).lasting).toEqual([]);
  expect(watched.look(scrape(5, ['1 out.score'])).lasting).toEqual([]);
  expect(watched.look(scrape(6, ['1 out.score'])).lasting).toHaveLength(1);
});

test('a freeze for drift is known by who did it and why', () => {
  const [why = ''] = watch().look(scrape(1, ['1 out.score'])).now;
  expect(isDriftFreeze({ who: 'canary-controller', why })).toBe(true);
  expect(isDriftFreeze({ who: 'grace', why })).toBe(false);
  expect(isDriftFreeze({ who: 'canary-controller', why: 'CANARY_FREEZE is set' })).toBe(false);
  const event = { kind: 'command', at: 1, command: 'freeze', who: 'canary-controller', why } as const;
  expect(driftReasons(event)).toEqual([why]);
  expect(driftReasons({ ...event, command: 'pause' })).toEqual([]);
});
