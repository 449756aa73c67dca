import { locOf, shardOfId, type Pool, type Priority, type QueuePolicies, type Shard } from '@frontier/contracts/queue'; // prettier-ignore
import type { NewRequest } from '@frontier/contracts/request';
import { LARGE_BYTES } from './admission.ts';
import { Pressure } from './pressure.ts';
import { MemoryWatch } from './pressure-memory.ts';
import { refusal, soonS } from './refusal.ts';
import { MAX_BUNDLE, ShardProducer, type Admitted, type ShardProducerOptions } from './shard-producer.ts';

/** Requests that come within this time of each other go to one shard, so that they travel together. */
const TURN_MS = 100;
/** Of a shard's bound, what it gets in one turn at most: it must not be full while others are empty. */
const TURN_PART = 1 / 8;

export interface ShardProducersOptions extends Omit<ShardProducerOptions, 'shard' | 'policy' | 'pressure'> {
  policies: QueuePolicies;
  /** Shards of each (priority, pool); its bounds are divided among them. */
  shards: number;
}

/** All shards as whoever enqueues sees them: which one takes a request, and who gives way under pressure. */
export class ShardProducers {
  readonly #options: ShardProducersOptions;
  readonly #pressure = new Pressure();
  readonly #memory: MemoryWatch;
  readonly #producers = new Map<string, ShardProducer>();
  /** Where the requests of each (priority, pool) go just now. */
  readonly #turns = new Map<string, { shard: Shard; until: number; left: number }>();

  constructor(options: ShardProducersOptions) {
    this.#options = options;
    this.#memory = new MemoryWatch(options.redis, (ratio) => {
      this.#pressure.memory = ratio;
      options.metrics.memoryRatio.set(ratio);
    });
    options.redis.on('ready', () => options.metrics.redisReady.set(1));
    options.redis.on('close', () => options.metrics.redisReady.set(0));
  }

  /** Resolves when the memory of Redis is known. */
  async start(): Promise<void> {
    await this.#memory.start();
  }

  async stop(): Promise<void> {
    this.#memory.stop();
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()));
  }

  /**
   * The shard of the next request: for a short turn always the same one, since requests that are spread one by one
   * would travel in a bundle each.
   */
  shardFor(priority: Priority, pool: Pool): Shard {
    const now = performance.now();
    const of = `${priority}:${pool}`;
    let turn = this.#turns.get(of);
    if (!turn || turn.left === 0 || now >= turn.until) {
      const { shards, policies } = this.#options;
      const left = Math.min(MAX_BUNDLE, Math.ceil((policies[priority].bound / shards) * TURN_PART));
      turn = { shard: this.#lessLoaded(priority, pool, now), until: now + TURN_MS, left };
      this.#turns.set(of, turn);
    }
    turn.left -= 1;
    return turn.shard;
  }

  /**
   * The less loaded of two random shards ("power of two choices", Mitzenmacher 2001), by what this process saw of
   * them within the last second.
   */
  #lessLoaded(priority: Priority, pool: Pool, now: number): Shard {
    // Of more shards than places some have none.
    const usable = Math.min(this.#options.shards, this.#options.policies[priority].bound);
    if (usable === 1) return { priority, pool, index: 0 };
    const index = Math.floor(Math.random() * usable);
    const one = { priority, pool, index };
    const other = { priority, pool, index: (index + 1 + Math.floor(Math.random() * (usable - 1))) % usable };
    return this.#pressure.fillOf(other, now) < this.#pressure.fillOf(one, now) ? other : one;
  }

  roomy(pool: Pool): boolean {
    return this.#pressure.isRoomy(pool, performance.now());
  }

  /** Resolves when the request is durable. Throws OVERLOADED, UNAVAILABLE or PAYLOAD_TOO_LARGE. */
  submit(request: NewRequest): Promise<Admitted> {
    return this.#producer(shardOfId(request.id) as Shard).submit(request);
  }

  /** Throws UNAVAILABLE while the memory of Redis is short: the ends of what is admitted must still fit. */
  checkMemory({ id, priority, payload }: NewRequest): void {
    const refuses = this.#pressure.memoryRefuses;
    if (refuses === 'none') return;
    if (refuses === 'low and large' && priority !== 'low' && payload.length <= LARGE_BYTES) return;
    throw refusal('memory', { shard: shardOfId(id) as Shard, retryAfterS: soonS(5) });
  }

  #producer(shard: Shard): ShardProducer {
    const loc = locOf(shard);
    let producer = this.#producers.get(loc);
    if (!producer) {
      const { policies, shards, ...shared } = this.#options;
      const policy = policies[shard.priority];
      producer = new ShardProducer({
        ...shared,
        shard,
        policy: {
          ...policy,
          bound: partOf(policy.bound, shards, shard.index),
          boundBytes: partOf(policy.boundBytes, shards, shard.index),
        },
        pressure: this.#pressure,
      });
      this.#producers.set(loc, producer);
    }
    return producer;
  }
}

/** What one of `shards` has of a bound: all parts add up to it. */
function partOf(whole: number, shards: number, index: number): number {
  return Math.floor(whole / shards) + (index < whole % shards ? 1 : 0);
}
