/**
 * After so long an assigned request should have ended. A request that takes longer counts as lost until it ends; that
 * says something only if fewer do so on the other side.
 */
const ENDED_AFTER_MS = 10_000;
/** What was assigned is remembered in at most about so many parts. */
const PARTS = 16;
/** Requests of each side that the test is given at a time, at least: fewer would throw information away. */
const LEAST = 10;

export interface Pair {
  control: number;
  canary: number;
}

/** Requests between their assignment and their end: plain JSON of bounded size. */
export interface UnderWay {
  /** Assigned of late, the oldest first. Unix ms of the scrapes that the first and the last of a part were seen by. */
  late: Array<{ since: number; until: number; assigned: Pair }>;
  /** Assigned before those, so they should have ended. */
  due: Pair;
  /** All that have ended. */
  ended: Pair;
  /** What the test was given of both. */
  tested: { due: Pair; served: Pair };
}

const none = (): Pair => ({ control: 0, canary: 0 });
const sum = (a: Pair, b: Pair): Pair => ({ control: a.control + b.control, canary: a.canary + b.canary });
const minus = (a: Pair, b: Pair): Pair => ({ control: a.control - b.control, canary: a.canary - b.canary });

export const noneUnderWay = (): UnderWay => ({ late: [], due: none(), ended: none(), tested: { due: none(), served: none() } }); // prettier-ignore

/**
 * Adds what an interval that ended at `at` has gained. `due`, `served`: as many requests should have ended, and have,
 * since a pair was given last; absent while they are few. An end counts for the oldest request that is under way, so a
 * side that is merely slower is served as well as the other, and lost requests show once they are more than those that
 * ended in the last ten seconds.
 */
export function underWay(
  before: UnderWay,
  gained: { assigned: Pair; ended: Pair },
  at: number,
): { after: UnderWay; gain?: { due: Pair; served: Pair } } {
  const all = join(before.late, gained.assigned, at);
  const isDue = ({ until }: UnderWay['late'][number]) => at - until >= ENDED_AFTER_MS;
  const due = all.filter(isDue).reduce((total, { assigned }) => sum(total, assigned), before.due);
  const ended = sum(before.ended, gained.ended);
  const served = {
    control: Math.min(ended.control, due.control),
    canary: Math.min(ended.canary, due.canary),
  };
  const after = { late: all.filter((part) => !isDue(part)), due, ended, tested: before.tested };
  const more = minus(due, before.tested.due);
  if (more.control < LEAST || more.canary < LEAST) return { after };
  const gain = { due: more, served: minus(served, before.tested.served) };
  return { after: { ...after, tested: { due, served } }, gain };
}

function join(late: UnderWay['late'], assigned: Pair, at: number): UnderWay['late'] {
  const last = late.at(-1);
  if (!last || at - last.since >= ENDED_AFTER_MS / PARTS)
    return [...late, { since: at, until: at, assigned }];
  return [...late.slice(0, -1), { since: last.since, until: at, assigned: sum(last.assigned, assigned) }];
}
