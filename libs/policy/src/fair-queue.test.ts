import fc from 'fast-check';
import { FairQueue } from './fair-queue.ts';
import { TenantAccounts } from './tenant-accounts.ts';

interface Item {
  tenant: string;
  cost: number;
  at: number;
}

const item = (tenant: string, at = 0, cost = 1): Item => ({ tenant, at, cost });
const queueOf = (...items: Item[]) => {
  const queue = new FairQueue<Item>(new TenantAccounts());
  for (const one of items) queue.push(one);
  return queue;
};
const drain = (queue: FairQueue<Item>) => {
  const items: Item[] = [];
  for (let next = queue.shift(); next; next = queue.shift()) items.push(next);
  return items;
};
const tenantsOf = (items: Item[]) => items.map(({ tenant }) => tenant).join('');

/** Takes `count` items while every tenant always has another one waiting; returns what each got. */
function serve(queue: FairQueue<Item>, count: number, costOf: (tenant: string) => number) {
  const got: Record<string, number> = {};
  for (let i = 0; i < count; i += 1) {
    const { tenant, cost } = queue.shift() as Item;
    got[tenant] = (got[tenant] ?? 0) + cost;
    queue.push(item(tenant, i, costOf(tenant)));
  }
  return got;
}

describe('FairQueue', () => {
  it('goes round the tenants, each in order of arrival', () => {
    const items = [item('a', 1), item('a', 2), item('a', 3), item('b', 4), item('c', 5), item('b', 6)];
    const out = drain(queueOf(...items));
    expect(tenantsOf(out)).toBe('abcaba');
    expect(out.filter(({ tenant }) => tenant === 'a').map(({ at }) => at)).toEqual([1, 2, 3]);
  });

  it('goes round them even if their items cost nothing', () => {
    const items = ['a', 'a', 'b', 'b', 'c', 'c'].map((tenant, at) => item(tenant, at, 0));
    expect(tenantsOf(drain(queueOf(...items)))).toBe('abcabc');
  });

  it('gives everything to who waits alone, and holds it against nobody', () => {
    const queue = queueOf();
    for (let i = 0; i < 100; i += 1) queue.push(item('a'));
    for (let i = 0; i < 50; i += 1) expect(queue.shift()?.tenant).toBe('a');
    for (let i = 0; i < 3; i += 1) queue.push(item('b'));
    expect(tenantsOf(drain(queue)).slice(0, 6)).toMatch(/^(ab|ba){3}/);
  });

  it('puts what runs again before all that is new, in order, and charges nobody for it', () => {
    const queue = queueOf(item('a', 10), item('b', 11));
    for (const one of [item('a', 3, 100), item('a', 1, 100)]) queue.pushFront(one);
    expect(queue.again).toBe(2);
    queue.pushFront(item('c', 2, 100));
    expect(queue.oldest).toBe(1);
    expect(drain(queue).map(({ at }) => at)).toEqual([3, 1, 2, 10, 11]);
  });

  it('takes a tenant out that has nothing left, and starves none of its neighbours', () => {
    const [a, b, c] = [item('a', 1), item('b', 2), item('c', 3)];
    const queue = queueOf(a, b, c);
    expect(queue.remove(a)).toBe(true);
    expect(queue.remove(a)).toBe(false);
    expect(queue.oldest).toBe(2);
    expect(queue.peek()).toBe(b);
    expect(queue.remove(b)).toBe(true);
    expect(queue.remove(c)).toBe(true);
    expect(queue).toMatchObject({ size: 0, oldest: Infinity, used: Infinity });
    expect(queue.shift()).toBeUndefined();
  });

  it('lets nobody save up a right by an item that is taken out', () => {
    const accounts = new TenantAccounts();
    const [one, other] = [new FairQueue<Item>(accounts), new FairQueue<Item>(accounts)];
    const only = item('a');
    one.push(only);
    one.remove(only);
    for (let i = 0; i < 10; i += 1) other.push(item('b'));
    while (other.size > 1) other.shift();
    one.push(item('a'));
    expect(one.used).toBe(8);
  });

  it('gives two tenants that wait all the time the same cost, give or take one item', () => {
    const costs = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(
        costs,
        fc.integer({ min: 1, max: 300 }),
        fc.infiniteStream(fc.nat(20)),
        (most, count, random) => {
          const costOf = (tenant: string) => 1 + (random.next().value % (most[Number(tenant)] as number));
          const tenants = most.map((_, i) => String(i));
          const queue = queueOf(...tenants.map((tenant) => item(tenant, 0, costOf(tenant))));
          const got = serve(queue, count, costOf);
          const shares = tenants.map((tenant) => got[tenant] ?? 0);
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(Math.max(...most));
        },
      ),
    );
  });

  it('gives a tenant that comes late its share from then on, not what it missed', () => {
    const tenants = fc.integer({ min: 1, max: 10 });
    const most = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(tenants, most, fc.nat(200), fc.infiniteStream(fc.nat(20)), (k, most, before, random) => {
        const costOf = () => 1 + (random.next().value % most);
        const queue = queueOf(...Array.from({ length: k }, (_, i) => item(String(i), 0, costOf())));
        serve(queue, before, costOf);
        queue.push(item('late', 0, costOf()));
        const got = serve(queue, 20 * (k + 1), costOf);
        for (let i = 0; i < k; i += 1)
          expect(Math.abs((got['late'] ?? 0) - (got[i] ?? 0))).toBeLessThanOrEqual(2 * most);
      }),
    );
  });

  it('shares out by measured cost, once it is told', () => {
    const accounts = new TenantAccounts();
    const queue = new FairQueue<Item>(accounts);
    const measured: Record<string, number> = { a: 0, b: 0 };
    for (const tenant of ['a', 'b']) queue.push(item(tenant));
    for (let i = 0; i < 400; i += 1) {
      const { tenant, cost } = queue.shift() as Item;
      const real = tenant === 'a' ? 3 : 0.5;
      accounts.charge(tenant, real - cost);
      measured[tenant] = (measured[tenant] ?? 0) + real;
      queue.push(item(tenant));
    }
    expect(Math.abs((measured['a'] ?? 0) - (measured['b'] ?? 0))).toBeLessThanOrEqual(6);
  });

  it('lets no tenant escape a debt by emptying its queue', () => {
    const accounts = new TenantAccounts();
    const queue = new FairQueue<Item>(accounts);
    queue.push(item('a'));
    queue.shift();
    accounts.charge('a', 50);
    for (let i = 0; i < 60; i += 1) queue.push(item('b'));
    queue.push(item('a'));
    expect(tenantsOf(drain(queue)).indexOf('a')).toBeGreaterThanOrEqual(50);
  });

  it('shares out over all queues of the same accounts, so that many keys gain nothing', () => {
    const accounts = new TenantAccounts();
    const queues = Array.from({ length: 8 }, () => new FairQueue<Item>(accounts));
    const got: Record<string, number> = {};
    for (const queue of queues) queue.push(item('hog'));
    for (const tenant of ['a', 'b', 'c']) queues[0]?.push(item(tenant));
    for (let i = 0; i < 400; i += 1) {
      const queue = queues.reduce((a, b) => (b.used < a.used ? b : a));
      const { tenant } = queue.shift() as Item;
      queue.push(item(tenant));
      got[tenant] = (got[tenant] ?? 0) + 1;
    }
    for (const tenant of ['hog', 'a', 'b', 'c']) expect(Math.abs((got[tenant] ?? 0) - 100)).toBeLessThan(10);
  });
});
