import type { Counters, MetricsSource, Reading, Scrape } from '@frontier/contracts/rollout';
import { WHOLE, type Variant } from '@frontier/contracts/traffic';
import type { MemoryTraffic } from './memory-traffic.ts';

const BOUNDS = [0.01, 0.014, 0.018, 0.022, 0.026, 0.029, 0.032, 0.035, 0.038, 0.042, 0.046, 0.05, 0.055, 0.06, 0.07, 0.08, 0.1]; // prettier-ignore
/** Calls between two scrapes. */
const CALLS = 8_000;

export interface Behaviour {
  errors: number;
  /** Of the latency. */
  factor: number;
}

/** Gateways whose counters grow with each scrape, as the traffic record in force says. */
export class SimulatedGateways implements MetricsSource {
  canary: Behaviour;
  /** Thrown instead of a scrape. */
  fault: Error | undefined;
  /** By how much the clock of the source is ahead, ms. */
  clock = 0;
  drift: string[] = [];
  readonly #traffic: MemoryTraffic;
  readonly #counters = new Map<string, Counters>();
  readonly #random: () => number;
  #rollout: string | undefined;

  constructor(traffic: MemoryTraffic, canary: Behaviour, seed: number) {
    this.#traffic = traffic;
    this.canary = canary;
    this.#random = mulberry32(seed);
  }

  async scrape(model: string, rollout: string): Promise<Scrape> {
    if (this.fault) throw this.fault;
    const record = await this.#traffic.get(model);
    const inForce = record?.rollout?.id === rollout ? record.rollout : undefined;
    if (this.#rollout !== rollout) this.#counters.clear();
    this.#rollout = rollout;
    const share = (inForce?.share ?? 0) / WHOLE;
    const control = Math.min(share, 1 - share);
    this.#serve('canary', CALLS * share, inForce?.mode === 'canary' ? this.canary : { errors: 0, factor: 1 });
    this.#serve('control', CALLS * control, { errors: 0, factor: 1 });
    this.#serve('stable', CALLS * (1 - share - control), { errors: 0, factor: 1 });
    const readings = [...this.#counters].map(([key, counters]): Reading => {
      const [variant, half] = key.split(' ') as [Variant, 'a' | 'b'];
      return { instance: 'g', priority: 'standard', pool: 'cpu', variant, half, counters };
    });
    return { at: Date.now() + this.clock, bounds: BOUNDS, epochs: { g: record?.epoch ?? 0 }, readings, drift: this.drift }; // prettier-ignore
  }

  /** As after a restart of the gateway. */
  reset(): void {
    for (const key of this.#counters.keys()) this.#counters.set(key, none());
  }

  #serve(variant: Variant, calls: number, { errors, factor }: Behaviour): void {
    for (const half of ['a', 'b'] as const) {
      const { assigned, ended, errors: failed, latency } = this.#counters.get(`${variant} ${half}`) ?? none();
      const next = { assigned, ended, errors: failed, latency: [...latency] };
      for (let i = 0; i < Math.round(calls / 2); i += 1) {
        next.assigned += 1;
        next.ended += 1;
        if (this.#random() < errors) next.errors += 1;
        else this.#observe(next.latency, factor);
      }
      this.#counters.set(`${variant} ${half}`, next);
    }
  }

  /** About 16 ms, one in twenty over 30 ms. */
  #observe(latency: number[], factor: number): void {
    const seconds = factor * 0.016 * Math.exp(0.4 * (this.#random() + this.#random() + this.#random() - 1.5) * 2); // prettier-ignore
    for (let i = 0; i < latency.length; i += 1) {
      if (seconds <= (BOUNDS[i] ?? Infinity)) latency[i] = (latency[i] as number) + 1;
    }
  }
}

function none(): Counters {
  return { assigned: 0, ended: 0, errors: 0, latency: [...BOUNDS, Infinity].map(() => 0) };
}

/** A 32-bit generator in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
