import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import type { Variant } from '@frontier/contracts/traffic';
import { addHalves, addPair, effectsOf, noDispersion, noImbalance, type Dispersion, type Events, type Imbalance } from './design-effect.ts'; // prettier-ignore
import { addCounts, noCounts, type Counts, type Interval, type Stratum } from './intervals.ts';
import { above, LEAST_TAIL, MOST_TAIL, tailBounds } from './quantile.ts';
import {
  changeTails,
  compareServed,
  compareSides,
  compareSplit,
  middleOf,
  newTests,
  tryObjective,
  type Tests,
} from './tests.ts';
import { noneUnderWay, underWay, type UnderWay } from './under-way.ts';

/** Requests that each side of a stratum needs before both are compared: fewer would throw information away. */
const CELL = 10;
/** Strata that are remembered while they fill. */
const MAX_CELLS = 4_096;
const MAX_TAILS = 10;
/** Tail bounds are chosen and looked at by so many answers of control. */
const REFERENCE = 500;
/** Control is within its objective if it was so lately: its counts fade with this time constant. */
const RECENT_MS = 30_000;

export interface Sides {
  control: Counts;
  canary: Counts;
}

/** All that is counted. Grows with the number of instances, never with time. */
export interface Statistics {
  /** Where tail bounds come from: both sides of the A/A phase, then control's answers of late. */
  reference: Sides | null;
  tails: number[] | null;
  cells: Record<string, Stratum>;
  tests: Tests | null;
  dispersion: { errors: Dispersion; latency: Dispersion };
  /** Between the halves of control and of canary. */
  imbalance: { errors: Imbalance[]; latency: Imbalance[] };
  /** The scrape before, for the design effect. */
  before: Record<'control' | 'canary', { errors: Events; latency: Events }> | null;
  /** Control's requests, errors and slow answers of late. */
  recent: { ended: number; errors: number; answered: number; slow: number };
  requests: { control: number; canary: number };
  /** Since the canary began: the canary, and control reweighted to the canary's volume. */
  standard: Sides | null;
  block: { at: number; sides: Sides | null };
  stableBlocks: number;
  /** Since the share changed. */
  assigned: Record<Variant, number>;
  underWay: UnderWay;
}

/** What an interval was gained under. */
export interface Context {
  mode: 'aa' | 'canary';
  bounds: readonly number[];
  at: number;
  /** Since the last scrape. */
  elapsedMs: number;
  /** The canary has all traffic: there is no control. */
  alone: boolean;
}

export function emptyStatistics(at: number): Statistics {
  return {
    reference: null,
    tails: null,
    cells: {},
    tests: null,
    dispersion: { errors: noDispersion(), latency: noDispersion() },
    imbalance: { errors: [noImbalance(), noImbalance()], latency: [noImbalance(), noImbalance()] },
    before: null,
    recent: { ended: 0, errors: 0, answered: 0, slow: 0 },
    requests: { control: 0, canary: 0 },
    standard: null,
    block: { at, sides: null },
    stableBlocks: 0,
    assigned: { stable: 0, control: 0, canary: 0 },
    underWay: noneUnderWay(),
  };
}

/** The share has changed: what was half counted is forgotten, the evidence stays. */
export function cutStatistics(s: Statistics, at: number): Statistics {
  const assigned = { stable: 0, control: 0, canary: 0 };
  return { ...s, cells: {}, before: null, block: { at, sides: null }, assigned, underWay: noneUnderWay() };
}

/** The canary begins (or everybody has it): the bounds and the design effect stay, the evidence starts anew. */
export function restartStatistics(policy: RolloutPolicy, s: Statistics, at: number): Statistics {
  const { tails, dispersion, imbalance } = s;
  return { ...emptyStatistics(at), tails, dispersion, imbalance, tests: newTests(policy, tails ?? []) };
}

/** A person has released a hold: the tests of the split begin anew, all else stays. */
export function releaseStatistics(s: Statistics): Statistics {
  if (!s.tests) return s;
  const { served, halves } = s.tests;
  const zero = (test: readonly number[]) => test.map(() => 0);
  return { ...s, underWay: noneUnderWay(), tests: { ...s.tests, served: zero(served), halves: halves.map(zero) } }; // prettier-ignore
}

/** Tail bounds from what the reference has gathered; `all`: its canary side is stable too. */
export function chooseTails(policy: RolloutPolicy, s: Statistics, all: boolean): Statistics {
  if (!s.reference) return s;
  const latency = s.reference.control.latency.map((n, i) => n + (all ? (s.reference?.canary.latency[i] as number) : 0)); // prettier-ignore
  const tails = tailBounds(latency, MAX_TAILS);
  const tests = changeTails(policy, s.tests ?? newTests(policy, []), tails, effectsOf(s).latency);
  return { ...s, tails, tests, reference: null, before: null };
}

/**
 * Looks at control's answers of late: chooses tail bounds where there are none yet, and where all has become so much
 * faster or slower that the bounds tell nothing any more. Only control's past decides, so the tests stay valid.
 */
function followTails(policy: RolloutPolicy, s: Statistics): Statistics {
  const latency = s.reference?.control.latency ?? [];
  const answered = latency.at(-1) ?? 0;
  if (answered < REFERENCE) return s;
  const middle = middleOf(s.tails ?? []);
  const mass = middle === undefined ? 0 : above(latency, middle) / answered;
  const useful = mass >= LEAST_TAIL && mass <= 2 * MOST_TAIL;
  return useful ? { ...s, reference: null } : chooseTails(policy, s, false);
}

/** Adds an interval to everything. */
export function addInterval(
  policy: RolloutPolicy,
  before: Statistics,
  interval: Interval,
  context: Context,
): Statistics {
  // prettier-ignore
  if (interval.strata.length === 0) return { ...before, before: null };
  const gained = pooled(interval.strata, context.bounds.length + 1);
  const slow = objectiveBound(policy, context.bounds);
  const assigned = { ...before.assigned };
  for (const variant of Object.keys(assigned) as Variant[]) assigned[variant] += interval.assigned[variant];
  let s: Statistics = {
    ...before,
    assigned,
    tests: before.tests ?? newTests(policy, []),
    recent: recently(before.recent, gained.control, slow, context.elapsedMs),
    requests: {
      control: before.requests.control + gained.control.ended,
      canary: before.requests.canary + gained.canary.ended,
    },
    ...dispersed(before, gained),
  };
  if (context.mode === 'canary' || s.tails === null) s = { ...s, reference: plus(s.reference, gained) };
  if (context.mode === 'canary') s = { ...s, tests: objective(policy, s, gained.canary, slow) };
  if (context.alone) {
    const control = noCounts(context.bounds.length + 1);
    return { ...s, standard: plus(s.standard, { control, canary: gained.canary }) };
  }
  s = fill(policy, served(s, gained, context.at), interval.strata, context);
  return context.mode === 'canary' ? followTails(policy, s) : s;
}

function served(s: Statistics, { control, canary }: Sides, at: number): Statistics {
  const assigned = { control: control.assigned, canary: canary.assigned };
  const ended = { control: control.ended, canary: canary.ended };
  const { after, gain } = underWay(s.underWay, { assigned, ended }, at);
  const tests = s.tests as Tests;
  return { ...s, underWay: after, tests: gain ? { ...tests, served: compareServed(tests.served, gain) } : tests }; // prettier-ignore
}

function pooled(strata: readonly Stratum[], buckets: number): Sides {
  const sides = { control: noCounts(buckets), canary: noCounts(buckets) };
  for (const { control, canary } of strata) {
    for (const half of [control.a, control.b]) addCounts(sides.control, half);
    for (const half of [canary.a, canary.b]) addCounts(sides.canary, half);
  }
  return sides;
}

/** The first bound that is not below the objective; undefined: there is none. */
function objectiveBound({ objective }: RolloutPolicy, bounds: readonly number[]): number | undefined {
  const i = bounds.findIndex((bound) => bound * 1_000 >= objective.latencyMs);
  return i < 0 ? undefined : i;
}

const slowOf = ({ latency }: Counts, slow: number | undefined) => slow === undefined ? 0 : above(latency, slow); // prettier-ignore

function recently(was: Statistics['recent'], control: Counts, slow: number | undefined, elapsedMs: number) {
  const keep = Math.exp(-elapsedMs / RECENT_MS);
  return {
    ended: was.ended * keep + control.ended,
    errors: was.errors * keep + control.errors,
    answered: was.answered * keep + (control.latency.at(-1) ?? 0),
    slow: was.slow * keep + slowOf(control, slow),
  };
}

/** An interval in which control itself is out of its objective says nothing about the canary. */
function objective(policy: RolloutPolicy, s: Statistics, canary: Counts, slow: number | undefined): Tests {
  const { recent } = s;
  const { errorsPart, slowPart } = policy.objective;
  return {
    ...(s.tests as Tests),
    ...tryObjective(policy, s.tests as Tests, canary, {
      errors: recent.errors <= errorsPart * recent.ended,
      slow: recent.slow <= slowPart * recent.answered ? slow : undefined,
    }),
  };
}

function dispersed({ before, dispersion, tails }: Statistics, gained: Sides) {
  const eventsOf = (side: Counts) => ({
    errors: { n: side.ended, events: [side.errors] },
    latency: {
      n: side.latency.at(-1) ?? 0,
      events: (tails ?? []).map((bound) => above(side.latency, bound)),
    },
  });
  const now = { control: eventsOf(gained.control), canary: eventsOf(gained.canary) };
  if (!before) return { before: now };
  let { errors, latency } = dispersion;
  for (const side of ['control', 'canary'] as const) {
    errors = addPair(errors, before[side].errors, now[side].errors);
    if (before[side].latency.events.length !== now[side].latency.events.length) continue;
    latency = addPair(latency, before[side].latency, now[side].latency);
  }
  return { before: now, dispersion: { errors, latency } };
}

/** Adds strata to their cells, and what has filled up to the tests. */
function fill(
  policy: RolloutPolicy,
  s: Statistics,
  strata: readonly Stratum[],
  context: Context,
): Statistics {
  // prettier-ignore
  const cells = new Map(Object.entries(s.cells));
  let after = s;
  for (const stratum of strata) {
    const waiting = cells.get(stratum.key);
    const cell = waiting ? sum(waiting, stratum) : stratum;
    if (isFull(cell)) {
      after = close(policy, after, cell, context);
      cells.delete(stratum.key);
    } else cells.set(stratum.key, cell);
  }
  return { ...after, cells: cells.size > MAX_CELLS ? {} : Object.fromEntries(cells) };
}

function sum(cell: Stratum, stratum: Stratum): Stratum {
  const into = copyOf(cell);
  for (const side of ['control', 'canary'] as const) {
    addCounts(into[side].a, stratum[side].a);
    addCounts(into[side].b, stratum[side].b);
  }
  return into;
}

function copyOf({ key, control, canary }: Stratum): Stratum {
  const copy = (counts: Counts): Counts => ({ ...counts, latency: [...counts.latency] });
  const halves = ({ a, b }: Stratum['control']) => ({ a: copy(a), b: copy(b) });
  return { key, control: halves(control), canary: halves(canary) };
}

const isFull = ({ control, canary }: Stratum) => [control, canary].every(({ a, b }) => a.assigned + b.assigned >= CELL); // prettier-ignore

function close(policy: RolloutPolicy, s: Statistics, cell: Stratum, { mode, bounds }: Context): Statistics {
  const tails = s.tails ?? [];
  const tests = { ...(s.tests as Tests), ...compareSplit(policy, s.tests as Tests, tails, cell) };
  const imbalance = unlike(s, cell);
  if (mode === 'aa') return { ...s, tests, imbalance };
  const sides = pooled([cell], bounds.length + 1);
  if (sides.control.ended === 0) return { ...s, tests, imbalance };
  const weighted = { canary: sides.canary, control: noCounts(bounds.length + 1) };
  addCounts(weighted.control, sides.control, sides.canary.ended / sides.control.ended);
  return {
    ...s,
    imbalance,
    tests: { ...tests, ...compareSides(policy, tests, tails, sides) },
    standard: plus(s.standard, weighted),
    block: { ...s.block, sides: plus(s.block.sides, weighted) },
  };
}

function unlike({ imbalance, tails }: Statistics, { control, canary }: Stratum): Statistics['imbalance'] {
  const middle = middleOf(tails ?? []);
  const both = [control, canary];
  return {
    errors: both.map(({ a, b }, i) =>
      addHalves(imbalance.errors[i] as Imbalance, { a: a.ended, b: b.ended }, { a: a.errors, b: b.errors }),
    ),
    latency: both.map(({ a, b }, i) => {
      const was = imbalance.latency[i] as Imbalance;
      if (middle === undefined) return was;
      const slow = { a: above(a.latency, middle), b: above(b.latency, middle) };
      return addHalves(was, { a: a.latency.at(-1) ?? 0, b: b.latency.at(-1) ?? 0 }, slow);
    }),
  };
}

function plus(before: Sides | null, more: Sides): Sides {
  const sum = (a: Counts, b: Counts): Counts => ({
    assigned: a.assigned + b.assigned,
    ended: a.ended + b.ended,
    errors: a.errors + b.errors,
    latency: a.latency.map((n, i) => n + (b.latency[i] as number)),
  });
  if (!before) return more;
  return { control: sum(before.control, more.control), canary: sum(before.canary, more.canary) };
}
