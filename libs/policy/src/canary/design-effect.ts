/**
 * How many times more the counts of one variant vary than independent events would: items of one batch fail together,
 * so eight errors may be one event. Two scrapes in a row are compared, so that what changes slowly cancels: given
 * their sum, the first has Binomial(k, n1 / (n1 + n2)) of it. Numerator and denominator are those of Pearson's
 * dispersion.
 */
export interface Dispersion {
  squares: number;
  variance: number;
}

export interface Events {
  n: number;
  /** One number for each kind of event. */
  events: readonly number[];
}

/** As large as batches usually are: what is taken for granted before anything was seen, and soon outweighed. */
const CLUSTER = 8;
const WEIGHT = 0.25;

export const noDispersion = (): Dispersion => ({ squares: 0, variance: 0 });

export function addPair({ squares, variance }: Dispersion, first: Events, second: Events): Dispersion {
  const n = first.n + second.n;
  if (first.n === 0 || second.n === 0) return { squares, variance };
  const p = first.n / n;
  let [s, v] = [squares, variance];
  for (const [i, events] of first.events.entries()) {
    const k = events + (second.events[i] as number);
    s += (events - k * p) ** 2;
    v += k * p * (1 - p);
  }
  return { squares: s, variance: v };
}

/**
 * The same between the halves of one side, over all its time: a user who is slower or fails more than others stays in
 * one half, which scrapes in a row do not show. `difference`: events of half a beyond its part of all.
 */
export interface Imbalance {
  difference: number;
  variance: number;
}

export const noImbalance = (): Imbalance => ({ difference: 0, variance: 0 });

export function addHalves(
  was: Imbalance,
  n: { a: number; b: number },
  events: { a: number; b: number },
): Imbalance {
  // prettier-ignore
  if (n.a === 0 || n.b === 0) return was;
  const p = n.a / (n.a + n.b);
  const k = events.a + events.b;
  return { difference: was.difference + events.a - k * p, variance: was.variance + k * p * (1 - p) };
}

/**
 * Each side gives one squared normal number, of mean 1. One side with a heavy user is enough, so the larger one counts;
 * as much is added, since that is few to measure by.
 */
export function halvesEffect(sides: readonly Imbalance[]): number {
  const squares = sides.map(({ difference, variance }) => (variance > 0 ? difference ** 2 / variance : 1));
  return (Math.max(...squares) + 1) / 2;
}

/** At least 1. */
export function designEffect({ squares, variance }: Dispersion): number {
  return Math.max(1, (squares + WEIGHT * CLUSTER) / (variance + WEIGHT));
}

/** The design effects of errors and of latency, from scrape to scrape and between users: the larger one counts. */
export function effectsOf({ dispersion, imbalance }: Measured): { errors: number; latency: number } {
  // Users who differ in one differ in the other too, and latency shows it sooner.
  const users = Math.max(halvesEffect(imbalance.errors), halvesEffect(imbalance.latency));
  return {
    errors: Math.max(designEffect(dispersion.errors), users),
    latency: Math.max(designEffect(dispersion.latency), users),
  };
}

/** What both effects are measured by. */
interface Measured {
  dispersion: { errors: Dispersion; latency: Dispersion };
  imbalance: { errors: readonly Imbalance[]; latency: readonly Imbalance[] };
}
