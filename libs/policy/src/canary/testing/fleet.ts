import type { Counters, Reading, RolloutEffect, RolloutEvent, RolloutStep, Scrape } from '@frontier/contracts/rollout'; // prettier-ignore
import { rolloutPolicySchema, type RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { next, openingEffects } from '../machine.ts';
import { initialState, type RolloutState } from '../state.ts';

const BOUNDS = [0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.31, 0.5];

/** What each half of a side does in a second. */
export interface Side {
  requests?: number;
  errors?: number;
  /** How many buckets slower than usual all but the fastest are. */
  slower?: number;
  /** Requests that never end. */
  lost?: number;
}

/** One gateway with exact, even traffic, and the rollout that watches it; a tick is a second and a scrape. */
export class Fleet {
  readonly policy: RolloutPolicy;
  readonly effects: RolloutEffect[] = [];
  state: RolloutState;
  at = 1_000_000;
  epoch = 0;
  /** What stands against a promotion. */
  unmet: string | undefined;
  #last: RolloutStep<RolloutState> | undefined;
  #counters = new Map<string, Counters & { latency: number[] }>();

  constructor(policy: Partial<Record<keyof RolloutPolicy, unknown>> = {}) {
    this.policy = rolloutPolicySchema.parse({
      blockMs: 10_000,
      watchMs: 20_000,
      autoPromote: true,
      ...policy,
    });
    this.state = initialState(this.policy, { stable: '1', canary: '2', at: this.at });
    this.#obey(openingEffects(this.state));
  }

  get decision() {
    if (!this.#last) throw new Error('nothing has happened yet');
    return this.#last.decision;
  }

  send(event: RolloutEvent): void {
    this.#last = next(this.policy, this.state, event);
    // Whoever restores the state from a log or a store must not notice.
    this.state = JSON.parse(JSON.stringify(this.#last.state)) as RolloutState;
    this.#obey(this.#last.effects);
  }

  command(command: Extract<RolloutEvent, { kind: 'command' }>['command']): void {
    this.send({ kind: 'command', at: this.at, command, who: 'anna', why: 'a test' });
  }

  fault(seconds = 1): void {
    for (let i = 0; i < seconds; i += 1) {
      this.at += 1_000;
      this.send({ kind: 'fault', at: this.at, reason: 'unreachable' });
    }
  }

  /** Seconds of traffic, each with its scrape, until the phase changes; `sides`: what differs from the usual. */
  tick(seconds: number, sides: { control?: Side; canary?: Side; canaryB?: Side } = {}): void {
    const { phase } = this.state;
    for (let i = 0; i < seconds && this.state.phase === phase; i += 1) {
      this.serve(sides);
      this.at += 1_000;
      this.send({ kind: 'scrape', at: this.at, scrape: this.scrape(this.at), ...(this.unmet !== undefined && { unmet: this.unmet }) }); // prettier-ignore
    }
  }

  serve({
    control = {},
    canary = {},
    canaryB = canary,
  }: { control?: Side; canary?: Side; canaryB?: Side } = {}) {
    // prettier-ignore
    if (this.state.share < 10_000) for (const half of ['a', 'b']) this.#add('control', half, control);
    if (this.state.share > 0) this.#add('canary', 'a', canary);
    if (this.state.share > 0) this.#add('canary', 'b', canaryB);
  }

  scrape(at: number): Scrape {
    const readings = [...this.#counters].map(([key, counters]): Reading => {
      const [variant, half] = key.split(' ') as [Reading['variant'], Reading['half']];
      return { instance: 'g', priority: 'standard', pool: 'cpu', variant, half, counters: structuredClone(counters) }; // prettier-ignore
    });
    return { at, bounds: BOUNDS, epochs: { g: this.epoch }, readings };
  }

  restart(): void {
    this.#counters.clear();
  }

  #obey(effects: readonly RolloutEffect[]): void {
    this.effects.push(...effects);
    this.epoch += effects.filter(({ kind }) => kind === 'traffic').length;
  }

  /** 80 % are fast, 4 % lie in each of the next five buckets. */
  #add(variant: string, half: string, { requests = 50, errors = 0, slower = 0, lost = 0 }: Side): void {
    const empty = { assigned: 0, ended: 0, errors: 0, latency: BOUNDS.map(() => 0).concat(0) };
    const counters = this.#counters.get(`${variant} ${half}`) ?? empty;
    this.#counters.set(`${variant} ${half}`, counters);
    const ended = requests - lost;
    counters.assigned += requests;
    counters.ended += ended;
    counters.errors += errors;
    counters.latency.forEach((_, i) => {
      const part = i === BOUNDS.length ? 1 : Math.min(1, 0.8 + 0.04 * Math.max(0, i - slower));
      (counters.latency[i] as number) += Math.round(ended * part);
    });
  }
}
