import fc from 'fast-check';
import { PRIORITIES, type Priority } from '@frontier/contracts/queue';
import type { Tensor } from '@frontier/contracts/tensor';
import { Batcher, type Batchable, type BatchLimits } from './batcher.ts';
import { concatRows, splitRows } from './rows.ts';

const limits: BatchLimits = {
  maxRows: 1000,
  maxBytes: 1e9,
  windowMs: 0,
  maxItems: { vip: 8, standard: 8, low: 8 },
  flushMs: { vip: 15, standard: 20, low: 50 },
  lowOldMs: 30_000,
};

const item = (tenant: string, extra: Partial<Batchable> = {}): Batchable => ({
  key: 'k',
  tenant,
  priority: 'standard',
  rows: 1,
  bytes: 1,
  cost: 1,
  at: 0,
  ...extra,
});
const MOST = 5;
const cost = fc.integer({ min: 1, max: MOST });

describe('Batcher', () => {
  it('gives every caller exactly its own rows', () => {
    const requests = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 9 }), priority: fc.constantFrom(...PRIORITIES), tenant: fc.constantFrom('a', 'b', 'c') }), { minLength: 1, maxLength: 60 }); // prettier-ignore
    fc.assert(
      fc.property(requests, (requests) => {
        const batcher = new Batcher<Batchable & { input: Tensor }>({ ...limits, maxRows: 20 });
        requests.forEach(({ tenant, ...extra }, n) => {
          const data = Uint8Array.from({ length: extra.rows * 2 }, (_, i) => (i % 2 === 0 ? n : i / 2));
          const input: Tensor = { name: 'x', dtype: 'UINT8', shape: [extra.rows, 2], data };
          batcher.add({ ...item(tenant, extra), input });
        });
        let answered = 0;
        for (let batch = batcher.take(0, true); batch; batch = batcher.take(0, true)) {
          // The model gives every row back as it is.
          const output = concatRows(batch.items.map(({ input }) => input));
          const own = splitRows(output, batch.items.map(({ rows }) => rows)); // prettier-ignore
          expect(own).toEqual(batch.items.map(({ input }) => input));
          answered += own.length;
        }
        expect(answered).toBe(requests.length);
      }),
    );
  });

  it('gives no tenant more than 20 % while five others wait, with ten tenants and one that has 90 % of the load', () => {
    const arrival = fc.record({ tenth: fc.nat(9), who: fc.integer({ min: 1, max: 9 }), cost });
    const steps = fc.array(fc.array(arrival, { maxLength: 100 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(steps, (steps) => {
        const batcher = new Batcher<Batchable>({ ...limits, maxItems: { vip: 4, standard: 4, low: 4 } });
        const waiting = new Map<string, number>();
        let all = 0;
        let got = new Map<string, number>();
        let tooMuch = 0;
        for (const arrivals of steps) {
          for (const { tenth, who, cost } of arrivals) {
            const tenant = tenth === 0 ? `t${who}` : 'hog';
            batcher.add(item(tenant, { cost }));
            waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
          }
          for (const { tenant, cost } of batcher.take(0, true)?.items ?? []) {
            if (waiting.size < 6) [all, got] = [0, new Map()];
            all += cost;
            got.set(tenant, (got.get(tenant) ?? 0) + cost);
            tooMuch = Math.max(tooMuch, (got.get(tenant) ?? 0) - 0.2 * all);
            const left = (waiting.get(tenant) ?? 0) - 1;
            if (left > 0) waiting.set(tenant, left);
            else waiting.delete(tenant);
          }
        }
        expect(tooMuch).toBeLessThanOrEqual(MOST);
      }),
    );
  });

  it('gives a tenant nothing for having many keys to itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.infiniteStream(cost), (keys, costs) => {
        const batcher = new Batcher<Batchable>(limits);
        const add = (tenant: string, key: string) =>
          batcher.add(item(tenant, { key, cost: costs.next().value }));
        for (let i = 0; i < 9 * keys; i += 1) add('hog', `hog:${i % keys}`);
        for (let i = 0; i < 90; i += 1) add(`t${i % 9}`, 'k');
        let all = 0;
        let hog = 0;
        let tooMuch = 0;
        for (let i = 0; i < 200; i += 1) {
          const batch = batcher.take(0, true);
          for (const { tenant, key, cost } of batch?.items ?? []) {
            add(tenant, key);
            all += cost;
            if (tenant === 'hog') hog += cost;
          }
          tooMuch = Math.max(tooMuch, hog - 0.1 * all);
        }
        // A batch of its own at most.
        expect(tooMuch).toBeLessThanOrEqual(8 * MOST);
      }),
      { numRuns: 30 },
    );
  });

  it('serves low within its bound while vip and standard always wait', () => {
    const load = fc.record({
      size: fc.integer({ min: 1, max: 8 }),
      gaps: fc.infiniteStream(fc.nat(30)),
      stepMs: fc.nat(500),
    });
    fc.assert(
      fc.property(load, ({ size, gaps, stepMs }) => {
        const maxItems = { vip: size, standard: size, low: size };
        const batcher = new Batcher<Batchable>({ ...limits, maxItems });
        const waiting = { vip: 0, standard: 0, low: 0 };
        const add = (priority: Priority, at: number) => {
          batcher.add(item('t', { priority, at }));
          waiting[priority] += 1;
        };
        let pause = 0;
        let batchesBefore = 0;
        let most = 0;
        for (let now = 0; now < 600 * stepMs; now += stepMs) {
          for (const priority of ['vip', 'standard'] as const) while (waiting[priority] < 2 * size) add(priority, now); // prettier-ignore
          if (waiting.low === 0 && pause === 0) {
            add('low', now);
            batchesBefore = 0;
            pause = gaps.next().value;
          } else if (waiting.low === 0) pause -= 1;
          for (const { priority } of batcher.take(now, true)?.items ?? []) waiting[priority] -= 1;
          batchesBefore += waiting.low;
          most = Math.max(most, batchesBefore);
        }
        expect(most).toBeLessThan(24);
      }),
    );
  });
});
