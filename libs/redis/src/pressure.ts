import type { Pool, Priority, Shard } from '@frontier/contracts/queue';
import { locOf } from '@frontier/contracts/queue';

/** What was seen longer ago says nothing of now. */
const FRESH_MS = 1_000;
/** A shard over this part of its bounds is crowded: what is `low` in its pool gives way. */
const CROWDED = 0.75;
/** Parts of Redis' memory over which `low` and large requests are refused, and over which all are. */
const MEMORY_LOW = 0.7;
const MEMORY_ALL = 0.85;

interface Load {
  priority: Priority;
  pool: Pool;
  fill: number;
  at: number;
}

/** How full the shards and Redis are, as this process last saw them: who is refused first when not all can be served. */
export class Pressure {
  readonly #loads = new Map<string, Load>();
  /** Part of Redis' memory that is used, of the fullest server; 0: it has no limit, or it is not known. */
  memory = 0;

  /** `fill`: outstanding requests or bytes as a part of their bound, whichever is more. `now`: `performance.now()`. */
  note(shard: Shard, fill: number, now: number): void {
    const { priority, pool } = shard;
    this.#loads.set(locOf(shard), { priority, pool, fill, at: now });
  }

  /** 0 where nothing was seen lately. */
  fillOf(shard: Shard, now: number): number {
    const load = this.#loads.get(locOf(shard));
    return load && now - load.at <= FRESH_MS ? load.fill : 0;
  }

  /** Whether `low` has to give way in this pool, because what matters more is about to be refused. */
  crowds(pool: Pool, now: number): boolean {
    for (const load of this.#loads.values()) {
      const counts = load.pool === pool && load.priority !== 'low' && now - load.at <= FRESH_MS;
      if (counts && load.fill > CROWDED) return true;
    }
    return false;
  }

  /** So that the results of what is admitted still fit into Redis, which evicts nothing. */
  get memoryRefuses(): 'none' | 'low and large' | 'all' {
    if (this.memory > MEMORY_ALL) return 'all';
    return this.memory > MEMORY_LOW ? 'low and large' : 'none';
  }
}
