import fc from 'fast-check';
import { PRIORITIES, type Priority } from '@frontier/contracts/queue';
import type { FormedBatch } from './batch-group.ts';
import { Batcher, type Batchable, type BatchLimits } from './batcher.ts';
import { BatcherModel, sumOf } from './testing/batcher-model.ts';

const base: BatchLimits = {
  maxRows: 16,
  maxBytes: 1000,
  windowMs: 0,
  maxItems: { vip: 4, standard: 8, low: 6 },
  flushMs: { vip: 15, standard: 20, low: 50 },
  lowOldMs: 300,
};

const item = fc.record({
  key: fc.constantFrom('a', 'b'),
  tenant: fc.constantFrom('t', 'u', 'v'),
  priority: fc.constantFrom(...PRIORITIES),
  rows: fc.constantFrom(1, 1, 1, 2, 4, 12, 20),
  bytes: fc.constantFrom(1, 1, 1, 250, 500, 1000, 2000),
  cost: fc.constantFrom(0, 1, 1, 10, 25, 80),
});
const startable = fc.subarray([...PRIORITIES], { minLength: 1 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('add' as const), item }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('take' as const), idle: fc.boolean(), startable }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('again' as const), count: fc.nat(4), apart: fc.boolean() }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('charge' as const), which: fc.nat(), cost: fc.nat(200) }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.nat(30) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** The batcher, its model, and what was taken and may come back. */
class Run {
  readonly limits: BatchLimits;
  readonly batcher: Batcher<Batchable>;
  readonly model: BatcherModel<Batchable>;
  readonly taken: Batchable[] = [];
  now = 0;

  constructor(limits: BatchLimits) {
    this.limits = limits;
    this.batcher = new Batcher(limits);
    this.model = new BatcherModel(limits);
  }

  /** One of the items that wait, or that were taken. */
  any(which: number, of: readonly Batchable[]): Batchable | undefined {
    return of[which % Math.max(of.length, 1)];
  }
}

function apply(run: Run, s: Step): void {
  if (s.op === 'pass') run.now += s.ms;
  else if (s.op === 'take') take(run, s.idle, s.startable);
  else if (s.op === 'remove') remove(run, run.any(s.which, run.model.all));
  else if (s.op === 'charge') {
    const taken = run.any(s.which, run.taken);
    if (taken) run.batcher.charge(taken, s.cost);
  } else if (s.op === 'add') {
    const added = { ...s.item, at: run.now };
    run.batcher.add(added);
    run.model.add(added);
  } else {
    const again = run.taken.splice(0, s.count).map((one) => (s.apart ? { ...one, key: 'apart' } : one));
    run.batcher.addFirst(again);
    run.model.addFirst(again);
  }
  expect(run.batcher.size).toBe(run.model.all.length);
}

function remove({ batcher, model }: Run, item: Batchable | undefined): void {
  if (!item) return;
  expect(batcher.remove(item)).toBe(true);
  expect(batcher.remove(item)).toBe(false);
  model.remove(item);
}

function take(run: Run, idle: boolean, startable: readonly Priority[]): void {
  const { batcher, model, now } = run;
  const mayStart = (priority: Priority) => startable.includes(priority);
  const wakeAt = batcher.wakeAt(idle, mayStart);
  const batch = batcher.take(now, idle, mayStart);
  if (batch) {
    checkReason(run, batch, idle, startable);
    checkItems(run, batch);
    run.taken.push(...batch.items);
    return;
  }
  // Nothing that may start is due, neither now nor before the time that was told.
  for (const at of [now, (wakeAt ?? Infinity) - 1]) expect(model.reasons(at, idle, startable)).toEqual([]);
  if (wakeAt !== undefined) expect(model.reasons(wakeAt, idle, startable)).not.toEqual([]);
}

function checkReason(
  { model, now }: Run,
  batch: FormedBatch<Batchable>,
  idle: boolean,
  startable: readonly Priority[],
): void {
  // prettier-ignore
  const { key, priority } = batch.items[0] as Batchable;
  expect(startable).toContain(priority);
  expect(batch.reason).toBe(model.reason(key, priority, now, idle));
  if (model.reasons(now, idle, startable).includes('again')) expect(batch.reason).toBe('again');
}

/** Takes the items of a batch out of the model, one by one. */
function checkItems({ limits, model }: Run, batch: FormedBatch<Batchable>): void {
  const { maxRows, maxBytes, maxCost = Infinity, maxItems } = limits;
  const { key, priority: lead } = batch.items[0] as Batchable;
  const hasRoom = (rows: number, bytes: number, cost: number) =>
    rows <= maxRows && bytes <= maxBytes && cost <= maxCost;
  for (const what of ['rows', 'bytes', 'cost'] as const) expect(batch[what]).toBe(sumOf(batch.items, what));
  expect(batch.items.length).toBeLessThanOrEqual(maxItems[lead]);
  expect(batch.items.length === 1 || hasRoom(batch.rows, batch.bytes, batch.cost)).toBe(true);
  for (const item of batch.items) {
    expect(item.key).toBe(key);
    expect(model.heads(key, item.priority)).toContain(item);
    model.remove(item);
  }
  // No room is left that the next item of a priority could have.
  for (const priority of batch.items.length < maxItems[lead] ? PRIORITIES : []) {
    const fits = ({ rows, bytes, cost }: Batchable) =>
      hasRoom(batch.rows + rows, batch.bytes + bytes, batch.cost + cost);
    const heads = model.heads(key, priority);
    expect(heads.length === 0 || !heads.every(fits)).toBe(true);
  }
}

describe('Batcher, against a model', () => {
  it.each([{}, { windowMs: 10 }, { maxCost: 50 }])(
    'keeps all its promises in any interleaving, with %o',
    (extra) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
          const run = new Run({ ...base, ...extra });
          for (const s of steps) apply(run, s);
          // Whatever was cancelled, put back or charged: all that is left comes out, and nothing but that.
          run.now += 1000;
          for (let left = run.model.all.length; left > 0; left = run.model.all.length) {
            take(run, true, PRIORITIES);
            expect(run.model.all.length).toBeLessThan(left);
          }
          expect(run.batcher.size).toBe(0);
          expect(run.batcher.take(run.now, true)).toBeUndefined();
        }),
        { numRuns: 300 },
      );
    },
  );
});
