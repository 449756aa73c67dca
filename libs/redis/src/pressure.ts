import type { Pool, Priority, Shard } from '@frontier/contracts/queue';
import { locOf } from '@frontier/contracts/queue';

/** What was seen longer ago says nothing of now. */
const FRESH_MS = 1_000;
/** A shard over this part of its bounds is crowded: what is `low` in its pool gives way. */
const CROWDED = 0.75;
/** Up to this part of its bounds a shard is roomy. */
const ROOMY = 0.2;
/** Parts of Redis' memory over which `low` and large requests are refused, and over which all are. */
const MEMORY_LOW = 0.7;
const MEMORY_ALL = 0.85;

interface Load {
  priority: Priority;
  pool: Pool;
  fill: number;
  waits: boolean;
  at: number;
}

/** How full the shards and Redis are, as this process last saw them: who is refused first when not all can be served. */
export class Pressure {
  readonly #loads = new Map<string, Load>();
  /** Part of Redis' memory that is used, of the fullest server; 0: it has no limit, or it is not known. */
  memory = 0;

  /**
   * `fill`: outstanding requests or bytes as a part of their bound, whichever is more. `waits`: whether jobs wait.
   * `now`: `performance.now()`.
   */
  note(shard: Shard, { fill, waits }: { fill: number; waits: boolean }, now: number): void {
    const { priority, pool } = shard;
    this.#loads.set(locOf(shard), { priority, pool, fill, waits, at: now });
  }

  /** 0 where nothing was seen lately. */
  fillOf(shard: Shard, now: number): number {
    const load = this.#loads.get(locOf(shard));
    return load && now - load.at <= FRESH_MS ? load.fill : 0;
  }

  /** Whether `low` has to give way in this pool, because what matters more is about to be refused. */
  crowds(pool: Pool, now: number): boolean {
    return this.#aboveLow(pool, now).some(({ fill }) => fill > CROWDED);
  }

  /** Whether what matters more than `low` waits in this pool. */
  queues(pool: Pool, now: number): boolean {
    return this.#aboveLow(pool, now).some(({ waits }) => waits);
  }

  /** Whether nobody waits in this pool, whatever matters how much, and its shards are far from their bounds. */
  isRoomy(pool: Pool, now: number): boolean {
    const loads = [...this.#loads.values()].filter((load) => load.pool === pool && now - load.at <= FRESH_MS);
    return this.memoryRefuses === 'none' && loads.every(({ fill, waits }) => !waits && fill < ROOMY);
  }

  #aboveLow(pool: Pool, now: number): Load[] {
    const inPool = (load: Load) => load.pool === pool && load.priority !== 'low';
    return [...this.#loads.values()].filter((load) => inPool(load) && now - load.at <= FRESH_MS);
  }

  /** So that the results of what is admitted still fit into Redis, which evicts nothing. */
  get memoryRefuses(): 'none' | 'low and large' | 'all' {
    if (this.memory > MEMORY_ALL) return 'all';
    return this.memory > MEMORY_LOW ? 'low and large' : 'none';
  }
}
