import fc from 'fast-check';
import { FairQueue } from './fair-queue.ts';
import { TenantAccounts } from './tenant-accounts.ts';

interface Item {
  tenant: string;
  cost: number;
  at: number;
}

/** The same queue, written down as simply as can be, but for whose turn it is. */
class Model {
  front: Item[] = [];
  rest: Item[] = [];

  get all(): Item[] {
    return [...this.front, ...this.rest];
  }

  /** Whether an item may be the next one: the first in front, else the first of its tenant. */
  isNext(item: Item): boolean {
    if (this.front.length > 0) return this.front[0] === item;
    return this.rest.find(({ tenant }) => tenant === item.tenant) === item;
  }

  remove(item: Item): void {
    this.front = this.front.filter((other) => other !== item);
    this.rest = this.rest.filter((other) => other !== item);
  }
}

const tenant = fc.constantFrom('a', 'b', 'c', 'd');
const cost = fc.integer({ min: 0, max: 9 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant('push' as const), tenant, cost }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('pushFront' as const), tenant, cost }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('shift' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('charge' as const), tenant, cost: fc.integer({ min: -9, max: 9 }) }) }, // prettier-ignore
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

describe('FairQueue, against a model', () => {
  it('loses and doubles nothing, in order, in any interleaving', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const accounts = new TenantAccounts();
        const queue = new FairQueue<Item>(accounts);
        const model = new Model();
        steps.forEach((s, at) => {
          apply(s, at, queue, accounts, model);
          const { all } = model;
          expect(queue.size).toBe(all.length);
          expect(queue.again).toBe(model.front.length);
          expect(queue.oldest).toBe(Math.min(...all.map((item) => item.at)));
          const next = queue.peek();
          expect(next ? model.isNext(next) : all.length === 0).toBe(true);
        });
        // Whatever was charged or removed: all that waits comes out.
        while (model.all.length > 0) take(queue, model);
        expect(queue.shift()).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

function apply(s: Step, at: number, queue: FairQueue<Item>, accounts: TenantAccounts, model: Model): void {
  if (s.op === 'charge') accounts.charge(s.tenant, s.cost);
  else if (s.op === 'push') {
    const item = { tenant: s.tenant, cost: s.cost, at };
    queue.push(item);
    model.rest.push(item);
  } else if (s.op === 'pushFront') {
    const item = { tenant: s.tenant, cost: s.cost, at: at - 50 };
    queue.pushFront(item);
    model.front.push(item);
  } else if (s.op === 'remove') {
    const item = model.all[s.which % Math.max(model.all.length, 1)];
    if (!item) return;
    expect(queue.remove(item)).toBe(true);
    expect(queue.remove(item)).toBe(false);
    model.remove(item);
  } else take(queue, model);
}

function take(queue: FairQueue<Item>, model: Model): void {
  const expected = queue.peek();
  const item = queue.shift();
  expect(item).toBe(expected);
  if (!item) return;
  expect(model.isNext(item)).toBe(true);
  model.remove(item);
}
