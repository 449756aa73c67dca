import keySlot from 'cluster-key-slot';
import { locOf, POOLS, PRIORITIES, type Shard } from '@frontier/contracts/queue';

const SLOTS = 16_384;
/** A tag's slot lies this far behind the wanted one, which may be the very border between two masters, … */
const MARGIN = 16;
/** … or up to this much further. */
const WINDOW = 64;

const tags = new Map<string, string>();

/**
 * The hash tag of a shard, `f:<loc>:<salt>`: the salt is the smallest one whose CRC16 puts it near `placeOf` the
 * shard. A function of the shard alone: whoever knows a `loc` finds the keys, whatever the number of shards.
 */
export function hashTag(shard: Shard): string {
  const loc = locOf(shard);
  let tag = tags.get(loc);
  if (tag === undefined) {
    const start = Math.floor(placeOf(shard) * SLOTS) + MARGIN;
    let salt = 0;
    // About SLOTS / WINDOW tries.
    do tag = `f:${loc}:${salt++}`;
    while ((keySlot(tag) - start + SLOTS) % SLOTS >= WINDOW);
    tags.set(loc, tag);
  }
  return tag;
}

/**
 * Where a shard is wanted on the ring of slots, 0 to 1: the shards of each queue are spread evenly however many
 * there are, the priorities of one pool and index lie on different masters of three, its two pools on those of six.
 */
function placeOf({ priority, pool, index }: Shard): number {
  return (vanDerCorput(index) + PRIORITIES.indexOf(priority) / 3 + POOLS.indexOf(pool) / 6) % 1;
}

/** 0, 1/2, 1/4, 3/4, 1/8, …: the binary digits of `n`, mirrored at the point; every prefix is spread evenly. */
function vanDerCorput(n: number): number {
  let place = 0;
  for (let digit = 0.5; n > 0; digit /= 2, n = Math.floor(n / 2)) place += (n % 2) * digit;
  return place;
}
