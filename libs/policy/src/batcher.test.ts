import type { Priority } from '@frontier/contracts/queue';
import { Batcher, type Batchable, type BatchLimits } from './batcher.ts';

const limits: BatchLimits = {
  maxRows: 16,
  maxBytes: 1000,
  windowMs: 0,
  maxItems: { vip: 4, standard: 8, low: 6 },
  flushMs: { vip: 15, standard: 20, low: 50 },
  lowOldMs: 30_000,
};

interface Item extends Batchable {
  n: number;
}

const item = (n: number, extra: Partial<Item> = {}): Item => ({
  n,
  key: 'k',
  tenant: 't',
  priority: 'standard',
  rows: 1,
  bytes: 1,
  cost: 1,
  at: 0,
  ...extra,
});
const numbers = (items: Item[] | undefined) => items?.map((i) => i.n);
const batcherOf = (items: Item[], extra: Partial<BatchLimits> = {}) => {
  const batcher = new Batcher<Item>({ ...limits, ...extra });
  for (const one of items) batcher.add(one);
  return batcher;
};

describe('Batcher', () => {
  it('gives an idle worker what there is, at once', () => {
    const batcher = batcherOf([item(1), item(2, { rows: 3, cost: 5 })]);
    expect(batcher.take(0, true)).toEqual({
      items: [item(1), item(2, { rows: 3, cost: 5 })],
      rows: 4,
      bytes: 2,
      cost: 6,
      charged: 6,
      reason: 'idle',
    });
    expect(batcher.take(0, true)).toBeUndefined();
    expect(batcher.wakeAt(true)).toBeUndefined();
  });

  it('keeps a batch for a busy worker until it is full or an item is old', () => {
    const batcher = batcherOf([item(1)]);
    expect(batcher.take(19, false)).toBeUndefined();
    expect(batcher.wakeAt(false)).toBe(20);
    expect(batcher.take(20, false)?.reason).toBe('age');
    for (let n = 0; n < 8; n += 1) batcher.add(item(n));
    expect(batcher.take(0, false)).toMatchObject({ rows: 8, reason: 'size' });
    expect(batcher.size).toBe(0);
  });

  it('lets nothing of low priority grow old behind a young vip', () => {
    const batcher = batcherOf([item(1, { priority: 'low' }), item(2, { priority: 'vip', at: 45 })]);
    expect(batcher.take(49, false)).toBeUndefined();
    expect(batcher.wakeAt(false)).toBe(50);
    expect(numbers(batcher.take(50, false)?.items)).toEqual([1, 2]);
  });

  it('holds an idle worker only for the window that the model asks for', () => {
    const batcher = batcherOf([item(1, { at: 100 })], { windowMs: 5 });
    expect(batcher.take(104, true)).toBeUndefined();
    expect(batcher.wakeAt(true)).toBe(105);
    expect(batcher.take(105, true)?.reason).toBe('window');
  });

  it('lets vip lead, and fills the rest: standard before low, each in order of arrival', () => {
    const batcher = batcherOf([item(1, { priority: 'low' }), item(2), item(3, { priority: 'vip', at: 9 })]);
    expect(batcher.take(10, true)).toMatchObject({ items: [{ n: 3 }, { n: 2 }, { n: 1 }], charged: 1 });
  });

  it('wastes no room on an item that does not fit', () => {
    const batcher = batcherOf([
      item(1, { priority: 'vip', rows: 10 }),
      item(2, { priority: 'vip', rows: 10 }),
      item(3),
      item(4, { priority: 'low', rows: 6 }),
    ]);
    expect(batcher.take(0, false)).toMatchObject({ items: [{ n: 1 }, { n: 3 }], rows: 11, reason: 'size' });
    expect(numbers(batcher.take(0, true)?.items)).toEqual([2, 4]);
  });

  it('never mixes keys, and takes an oversized item alone', () => {
    const batcher = batcherOf([
      item(1, { key: 'a', rows: 99 }),
      item(2, { key: 'a', at: 1 }),
      item(3, { key: 'b', at: 2 }),
    ]);
    const batches = [1, 2, 3].map(() => numbers(batcher.take(3, true)?.items));
    expect(batches).toEqual([[1], [2], [3]]);
  });

  it('bounds what a batch costs', () => {
    const batcher = batcherOf([item(1, { cost: 60 }), item(2, { cost: 50 }), item(3, { cost: 200 })], { maxCost: 110 }); // prettier-ignore
    expect(batcher.take(0, false)).toMatchObject({ items: [{ n: 1 }, { n: 2 }], cost: 110, reason: 'size' });
    expect(batcher.take(0, false)).toMatchObject({ items: [{ n: 3 }], reason: 'size' });
  });

  it('starts no batch of a priority that has enough under way, and does not wake for it', () => {
    const batcher = batcherOf([item(1, { priority: 'vip' }), item(2)]);
    const noVip = (priority: Priority) => priority !== 'vip';
    expect(batcher.wakeAt(false, noVip)).toBe(20);
    // It may still fill the room in a batch that another priority leads.
    expect(numbers(batcher.take(0, true, noVip)?.items)).toEqual([2, 1]);
    batcher.add(item(3, { priority: 'vip' }));
    expect(batcher.take(99, true, noVip)).toBeUndefined();
    expect(batcher.wakeAt(false, noVip)).toBeUndefined();
  });

  it('runs again what was put back before new work, at once, in order, and charges it to nobody', () => {
    const [one, two, three, four] = [item(1), item(2), item(3), item(4, { priority: 'vip', key: 'other' })];
    const batcher = batcherOf([three, four], { windowMs: 1000 });
    batcher.addFirst([one]);
    batcher.addFirst([two]);
    expect(batcher.take(0, false)).toMatchObject({ items: [one, two, three], charged: 1, reason: 'again' });
    expect(batcher.take(0, true)).toBeUndefined();
  });

  it('takes out what was cancelled', () => {
    const [one, two] = [item(1), item(2)];
    const batcher = batcherOf([one]);
    batcher.addFirst([two]);
    expect(batcher.remove(two)).toBe(true);
    expect(batcher.remove(two)).toBe(false);
    expect(batcher.remove(item(9, { key: 'unknown' }))).toBe(false);
    expect(numbers(batcher.take(0, true)?.items)).toEqual([1]);
  });

  it('gives tenants turns by what their items have really cost', () => {
    const batcher = new Batcher<Item>({ ...limits, maxItems: { vip: 1, standard: 1, low: 1 } });
    const measured = { a: 0, b: 0 };
    for (let n = 0; n < 400; n += 1) for (const tenant of ['a', 'b']) batcher.add(item(n, { tenant, at: n }));
    for (let i = 0; i < 200; i += 1) {
      const taken = batcher.take(1000, true)?.items[0] as Item;
      const real = taken.tenant === 'a' ? 4 : 1;
      measured[taken.tenant as 'a' | 'b'] += real;
      batcher.charge(taken, real);
    }
    expect(Math.abs(measured.a - measured.b)).toBeLessThanOrEqual(4);
  });

  it('goes on when every item has a key of its own', () => {
    const batcher = batcherOf([]);
    for (let n = 0; n < 1000; n += 1) {
      batcher.add(item(n, { key: `alone:${n}` }));
      expect(numbers(batcher.take(0, true)?.items)).toEqual([n]);
    }
    expect(batcher.take(0, true)).toBeUndefined();
  });
});
