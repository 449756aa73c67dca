import fc from 'fast-check';
import { PRIORITIES } from '@frontier/contracts/queue';
import { Batcher, type Batchable, type BatchLimits } from './batcher.ts';

const limits: BatchLimits = {
  maxRows: 16,
  maxBytes: 1000,
  windowMs: 0,
  maxItems: { vip: 4, standard: 8, low: 6 },
  flushMs: { vip: 15, standard: 20, low: 50 },
};

interface Item extends Batchable {
  n: number;
}

const item = (n: number, extra: Partial<Item> = {}): Item => ({
  n,
  key: 'k',
  priority: 'standard',
  rows: 1,
  bytes: 1,
  at: 0,
  ...extra,
});
const numbers = (items: Item[] | undefined) => items?.map((i) => i.n);

describe('Batcher', () => {
  it('gives an idle worker what there is, at once', () => {
    const batcher = new Batcher<Item>(limits);
    batcher.add(item(1));
    batcher.add(item(2));
    expect(batcher.take(0, true)).toMatchObject({ items: [{ n: 1 }, { n: 2 }], rows: 2, reason: 'idle' });
    expect(batcher.take(0, true)).toBeUndefined();
  });

  it('keeps a batch for a busy worker until it is full or its first item is old', () => {
    const batcher = new Batcher<Item>(limits);
    batcher.add(item(1));
    expect(batcher.take(19, false)).toBeUndefined();
    expect(batcher.wakeAt(false)).toBe(20);
    expect(batcher.take(20, false)?.reason).toBe('age');
    for (let n = 0; n < 9; n += 1) batcher.add(item(n));
    expect(batcher.take(0, false)).toMatchObject({ rows: 8, reason: 'size' });
    expect(batcher.size).toBe(1);
  });

  it('holds an idle worker only for the window that the model asks for', () => {
    const batcher = new Batcher<Item>({ ...limits, windowMs: 5 });
    batcher.add(item(1, { at: 100 }));
    expect(batcher.take(104, true)).toBeUndefined();
    expect(batcher.wakeAt(true)).toBe(105);
    expect(batcher.take(105, true)?.reason).toBe('window');
  });

  it('puts vip before standard before low, each in order of arrival', () => {
    const batcher = new Batcher<Item>(limits);
    batcher.add(item(1, { priority: 'low' }));
    batcher.add(item(2));
    batcher.add(item(3, { priority: 'vip', at: 9 }));
    expect(numbers(batcher.take(10, true)?.items)).toEqual([3, 2, 1]);
  });

  it('never mixes keys, and takes an oversized item alone', () => {
    const batcher = new Batcher<Item>(limits);
    batcher.add(item(1, { key: 'a', rows: 99 }));
    batcher.add(item(2, { key: 'a', at: 1 }));
    batcher.add(item(3, { key: 'b', at: 2 }));
    expect([1, 2, 3].map(() => numbers(batcher.take(3, true)?.items))).toEqual([[1], [2], [3]]);
  });

  it('starts no batch of a priority that has enough under way', () => {
    const batcher = new Batcher<Item>(limits);
    batcher.add(item(1, { priority: 'vip' }));
    batcher.add(item(2));
    expect(numbers(batcher.take(0, true, (p) => p !== 'vip')?.items)).toEqual([2]);
    expect(batcher.size).toBe(1);
  });

  it('puts back what a lost worker had before new work, and removes what was cancelled', () => {
    const batcher = new Batcher<Item>(limits);
    const [one, two, three] = [item(1), item(2), item(3)];
    batcher.add(three);
    batcher.addFirst([one, two]);
    expect(batcher.remove(two)).toBe(true);
    expect(batcher.remove(two)).toBe(false);
    expect(numbers(batcher.take(0, true)?.items)).toEqual([1, 3]);
  });

  it('keeps its promises for any sequence of arrivals, removals and takes', () => {
    const arrival = fc.record({
      op: fc.constant('add' as const),
      key: fc.constantFrom('a', 'b'),
      priority: fc.constantFrom(...PRIORITIES),
      rows: fc.integer({ min: 1, max: 16 }),
      bytes: fc.integer({ min: 1, max: 1000 }),
    });
    const other = fc.constantFrom({ op: 'take' as const, idle: true }, { op: 'take' as const, idle: false }, { op: 'remove' as const }); // prettier-ignore
    fc.assert(
      fc.property(fc.array(fc.oneof(arrival, other), { maxLength: 200 }), (steps) => {
        const batcher = new Batcher<Item>(limits);
        const waiting: Item[] = [];
        steps.forEach((step, now) => {
          if (step.op === 'add') {
            const added = { ...item(now, { at: now }), ...step };
            waiting.push(added);
            batcher.add(added);
          } else if (step.op === 'remove') {
            const gone = waiting.shift();
            if (gone) expect(batcher.remove(gone)).toBe(true);
          } else {
            check(batcher.take(now, step.idle)?.items, waiting, step.idle, now);
          }
          expect(batcher.size).toBe(waiting.length);
        });
        for (let n = 0; waiting.length > 0; n += 1)
          check(batcher.take(10_000 + n, true)?.items, waiting, true, 0);
        expect(batcher.size).toBe(0);
      }),
      { numRuns: 300, seed: 20261121 },
    );
  });
});

/** What every batch must be; takes its items out of `waiting`. */
function check(batch: Item[] | undefined, waiting: Item[], idle: boolean, now: number): void {
  if (!batch) {
    // An idle worker never waits for a window that nobody asked for.
    if (idle) expect(waiting).toEqual([]);
    for (const left of waiting) expect(now - left.at).toBeLessThan(limits.flushMs[left.priority]);
    return;
  }
  const head = batch[0] as Item;
  expect(new Set(batch.map((i) => i.key))).toEqual(new Set([head.key]));
  expect(batch.length).toBeLessThanOrEqual(limits.maxItems[head.priority]);
  if (batch.length > 1) {
    expect(batch.reduce((sum, i) => sum + i.rows, 0)).toBeLessThanOrEqual(limits.maxRows);
    expect(batch.reduce((sum, i) => sum + i.bytes, 0)).toBeLessThanOrEqual(limits.maxBytes);
  }
  for (const priority of PRIORITIES) {
    const mine = (i: Item) => i.key === head.key && i.priority === priority;
    const taken = batch.filter(mine);
    expect(taken).toEqual(waiting.filter(mine).slice(0, taken.length));
  }
  for (const taken of batch) waiting.splice(waiting.indexOf(taken), 1);
}
