import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import keySlot from 'cluster-key-slot';
import { parseLoc, POOLS, PRIORITIES, type Pool, type Shard } from '@frontier/contracts/queue';
import { hashTag } from './hash-slot.ts';
import { ShardKeys } from './keys.ts';

const slotOf = (shard: Shard) => keySlot(new ShardKeys(shard).outstanding);

/** How many of these shards lie on each of `masters` masters that share the slots evenly. */
function counts(shards: Shard[], masters: number): number[] {
  const found = Array.from({ length: masters }, () => 0);
  for (const shard of shards) {
    const master = Math.floor((slotOf(shard) * masters) / 16_384);
    found[master] = (found[master] ?? 0) + 1;
  }
  return found;
}

const unevenness = (numbers: number[]) => Math.max(...numbers) - Math.min(...numbers);

function shardsOf(count: number, pools: readonly Pool[]): Shard[] {
  return Array.from({ length: count }, (_, index) => index).flatMap((index) =>
    pools.flatMap((pool) => PRIORITIES.map((priority) => ({ priority, pool, index }))),
  );
}

describe('hash tags', () => {
  it('are known by their loc alone, the same every time', () => {
    expect(hashTag(parseLoc('sc0') as Shard)).toBe('f:sc0:288');
    expect(hashTag({ priority: 'standard', pool: 'cpu', index: 0 })).toBe('f:sc0:288');
    expect(new ShardKeys(parseLoc('vg31') as Shard).prefix).toMatch(/^\{f:vg31:\d+\}$/);
  });

  it.each([3, 4, 5, 6])(
    'spread 1 to 32 shards evenly over %i masters, together and queue by queue',
    (masters) => {
      for (const pools of [['cpu'], ['gpu'], POOLS] as Pool[][]) {
        for (let count = 1; count <= 32; count += 1) {
          const shards = shardsOf(count, pools);
          expect(unevenness(counts(shards, masters))).toBeLessThanOrEqual(4);
          for (const priority of PRIORITIES) {
            for (const pool of pools) {
              const queue = shards.filter((shard) => shard.priority === priority && shard.pool === pool);
              expect(unevenness(counts(queue, masters))).toBeLessThanOrEqual(3);
            }
          }
        }
      }
    },
  );

  it('put the priorities of one pool on different masters of three', () => {
    for (const pool of POOLS) {
      for (let index = 0; index < 32; index += 1) {
        const shards = PRIORITIES.map((priority) => ({ priority, pool, index }));
        expect(counts(shards, 3)).toEqual([1, 1, 1]);
      }
    }
  });

  it('are those by which the Helm chart lets KEDA read the queues', () => {
    const template = readFileSync(
      join(__dirname, '../../../helm/frontier/templates/_autoscaling.tpl'),
      'utf8',
    );
    for (const pool of POOLS) {
      const prefixes = PRIORITIES.map((priority) => new ShardKeys({ priority, pool, index: 0 }).prefix);
      expect(template).toContain(prefixes.join(' '));
    }
  });
});
