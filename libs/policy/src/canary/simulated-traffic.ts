import type { Counters, Scrape } from '@frontier/contracts/rollout';
import { WHOLE, type Variant } from '@frontier/contracts/traffic';
import { binomial, normal, poisson, type Random } from '../random.ts';
import type { Scenario } from './scenarios.ts';

// Taken out of the loops: in a VM context, as tests have, each look-up of a global costs more than the function.
const { exp, log, max, min } = Math;

/** Bounds of the latency buckets, seconds: 1.1 apart. */
const BOUNDS = Array.from({ length: 36 }, (_, i) => Number((0.02 * 1.1 ** i).toPrecision(3)));
const MEDIAN = 0.08;
const SIGMA = 0.5;
/** Logarithms of latencies are looked up in steps of this. */
const CELL = 0.004;
const LOWEST = log(0.002);

/** Values of a standard normal at equal steps of probability: a random one is a normal number. */
const NORMALS = normalQuantiles(16_384);
const NORMAL_COUNT = NORMALS.length;
/** Index of the bucket for each cell of log latency. */
const BUCKET_OF = Uint8Array.from({ length: 2_400 }, (_, i) => {
  const index = BOUNDS.findIndex((bound) => exp(LOWEST + (i + 0.5) * CELL) <= bound);
  return index < 0 ? BOUNDS.length : index;
});

const LAST_CELL = BUCKET_OF.length - 1;

const USERS = 1_000;
const ZIPF = 0.8;
/** Of the logarithms of users' own latency and part of errors. */
const USER_LATENCY = 0.15;
const USER_ERRORS = 0.5;

interface User {
  weight: number;
  bucket: number;
  half: 'a' | 'b';
  slower: number;
  errors: number;
}

/** Who makes the requests of one (variant, half): cumulative weights of the users, or everybody alike. */
interface Group {
  variant: 'control' | 'canary';
  half: 'a' | 'b';
  /** Part of all traffic. */
  part: number;
  users: readonly User[];
  cumulative: readonly number[];
}

/** A fleet of one gateway under a scenario, told by its cumulative counters as a scrape shows them. */
export class SimulatedTraffic {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #counters = new Map<string, Counters & { latency: number[] }>();
  readonly #incidentAt: number;
  #users: User[] = [];
  #groups: Group[] = [];
  #stable = 0;
  #drift = 0;
  #jitter = { control: 0, canary: 0 };
  #mode: 'aa' | 'canary' = 'aa';
  #share = 0;
  #epoch = 0;
  #seconds = 0;

  constructor(scenario: Scenario, random: Random) {
    this.#scenario = scenario;
    this.#random = random;
    this.#incidentAt = random() * 1_500;
    for (const variant of ['control', 'canary'] as const)
      for (const half of ['a', 'b'] as const)
        this.#counters.set(variant + half, { assigned: 0, ended: 0, errors: 0, latency: BOUNDS.map(() => 0).concat(0) }); // prettier-ignore
    if (scenario.sticky) this.#users = this.#newUsers();
    this.#drift = (scenario.drift ?? 0) * normal(random);
  }

  /** A new traffic record. */
  redirect(mode: 'aa' | 'canary', share: number, newSalt: boolean): void {
    this.#mode = mode;
    this.#share = share;
    this.#epoch += 1;
    if (newSalt) for (const user of this.#users) this.#place(user);
    this.#groups = (['control', 'canary'] as const).flatMap((variant) =>
      (['a', 'b'] as const).map((half) => this.#group(variant, half)),
    );
  }

  /** What the next `seconds` bring. */
  run(seconds: number): void {
    const { drift = 0, jitter = 0, rate } = this.#scenario;
    this.#drift = wander(this.#drift, drift, seconds / 300, this.#random);
    for (const variant of ['control', 'canary'] as const)
      this.#jitter[variant] = wander(this.#jitter[variant], jitter, seconds / 60, this.#random);
    let rest = 1;
    for (const group of this.#groups) {
      this.#serve(group, poisson(this.#random, rate * seconds * group.part));
      rest -= group.part;
    }
    this.#stable += Math.round(rate * seconds * rest);
    this.#seconds += seconds;
  }

  scrape(at: number): Scrape {
    const reading = (variant: Variant, half: 'a' | 'b', counters: Counters) => ({ instance: 'g', priority: 'standard', pool: 'cpu', variant, half, counters }); // prettier-ignore
    const readings = this.#groups.map(({ variant, half }) => {
      const counters = this.#counters.get(variant + half) as Counters;
      return reading(variant, half, { ...counters, latency: cumulated(counters.latency) });
    });
    const latency = BOUNDS.map(() => 0).concat(0);
    const stable = { assigned: this.#stable, ended: this.#stable, errors: 0, latency };
    return { at, bounds: BOUNDS, epochs: { g: this.#epoch }, readings: [...readings, reading('stable', 'a', stable)] }; // prettier-ignore
  }

  #serve({ variant, half, users, cumulative }: Group, n: number): void {
    const counters = this.#counters.get(variant + half) as Counters & { latency: number[] };
    const random = this.#random;
    const fault = variant === 'canary' && this.#mode === 'canary' ? this.#scenario.canary : undefined;
    const shift = log(MEDIAN * (fault?.slower ?? 1)) + this.#drift + this.#jitter[variant] - LOWEST;
    const { part = 0, times = 1 } = fault?.someSlower ?? {};
    const more = log(times);
    const probability = fault?.errors ?? this.#errorsNow();
    const { batch = 1 } = this.#scenario;
    counters.assigned += n;
    counters.ended += n;
    const total = cumulative.at(-1) ?? 0;
    for (let i = 0; i < n; i += 1) {
      const user = total > 0 ? users[find(cumulative, random() * total)] : undefined;
      let at = shift + SIGMA * (NORMALS[(random() * NORMAL_COUNT) | 0] as number) + (user?.slower ?? 0);
      if (part > 0 && random() < part) at += more;
      const bucket = BUCKET_OF[min(LAST_CELL, max(0, (at / CELL) | 0))] as number;
      counters.latency[bucket] = (counters.latency[bucket] as number) + 1;
      if (user && random() < probability * user.errors) counters.errors += 1;
    }
    if (users.length === 0) counters.errors += min(n, batch * binomial(random, n / batch, probability));
  }

  #errorsNow(): number {
    const { errors, incident } = this.#scenario;
    const since = this.#seconds - this.#incidentAt;
    return incident !== undefined && since >= 0 && since < 300 ? incident : errors;
  }

  #newUsers(): User[] {
    const users = Array.from({ length: USERS }, (_, i): User => {
      const [slower, errors] = [USER_LATENCY * normal(this.#random), USER_ERRORS * normal(this.#random)];
      // The mean of both factors over the users is 1.
      return { weight: (i + 1) ** -ZIPF, bucket: 0, half: 'a', slower: slower - USER_LATENCY ** 2 / 2, errors: exp(errors - USER_ERRORS ** 2 / 2) }; // prettier-ignore
    });
    for (const user of users) this.#place(user);
    return users;
  }

  #place(user: User): void {
    user.bucket = Math.floor(this.#random() * WHOLE);
    user.half = this.#random() < 0.5 ? 'a' : 'b';
  }

  #group(variant: 'control' | 'canary', half: 'a' | 'b'): Group {
    const control = Math.min(this.#share, WHOLE - this.#share);
    if (this.#users.length === 0) {
      const share = variant === 'canary' ? this.#share : control;
      return { variant, half, part: share / WHOLE / 2, users: [], cumulative: [] };
    }
    const isIn = ({ bucket }: User) => variant === 'canary' ? bucket < this.#share : bucket >= WHOLE - control; // prettier-ignore
    const users = this.#users.filter((user) => user.half === half && isIn(user));
    let sum = 0;
    const cumulative = users.map(({ weight }) => (sum += weight));
    const all = this.#users.reduce((total, { weight }) => total + weight, 0);
    return { variant, half, part: sum / all, users, cumulative };
  }
}

/** An Ornstein-Uhlenbeck process of standard deviation `sd`, after `steps` of its time constant. */
function wander(from: number, sd: number, steps: number, random: Random): number {
  if (sd === 0) return 0;
  const keep = exp(-steps);
  return from * keep + sd * Math.sqrt(1 - keep * keep) * normal(random);
}

/** Index of the first number that is above `value`. */
function find(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function cumulated(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((count) => (sum += count));
}

/** By adding up the density in small steps. */
function normalQuantiles(count: number): Float64Array {
  const quantiles = new Float64Array(count);
  const step = 1e-4;
  let z = -6;
  let mass = 0;
  for (let i = 0; i < count; i += 1) {
    while (mass < (i + 0.5) / count) {
      mass += (exp((-z * z) / 2) * step) / Math.sqrt(2 * Math.PI);
      z += step;
    }
    quantiles[i] = z;
  }
  return quantiles;
}
