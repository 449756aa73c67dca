import fc from 'fast-check';
import { inferenceId, locOf, parseLoc, POOLS, PRIORITIES, queuePoliciesSchema, shardOfId } from './queue.ts';

const uuid = '01a1fe37-c000-742b-bf95-47788634c0fb';

describe('inference ids', () => {
  it('tell in which shard the record lies', () => {
    const shard = fc.record({
      priority: fc.constantFrom(...PRIORITIES),
      pool: fc.constantFrom(...POOLS),
      index: fc.integer({ min: 0, max: 1023 }),
    });
    fc.assert(
      fc.property(shard, (s) => {
        expect(parseLoc(locOf(s))).toEqual(s);
        expect(shardOfId(inferenceId(uuid, s))).toEqual(s);
      }),
    );
    expect(inferenceId(uuid, { priority: 'standard', pool: 'cpu', index: 0 })).toBe(`inf_${uuid}_sc0`);
  });

  it.each([
    '',
    'inf_',
    `inf_${uuid}`,
    `inf_${uuid}_xx0`,
    `inf_${uuid}_sc00`,
    `inf_${uuid}_sc0 `,
    'a'.repeat(10_000),
  ])('are not %p', (id) => expect(shardOfId(id)).toBeUndefined());
});

describe('queue policies', () => {
  it('are those of the spec, but for what is named', () => {
    const policies = queuePoliciesSchema.parse({ vip: { bound: 7 } });
    expect(policies.vip).toMatchObject({
      bound: 7,
      batchSize: 8,
      flushMs: 15,
      timeoutMs: 5_000,
      attempts: 5,
    });
    expect(policies.standard).toMatchObject({
      bound: 1000,
      batchSize: 32,
      flushMs: 20,
      timeoutMs: 30_000,
      attempts: 3,
    });
    expect(policies.low).toMatchObject({
      bound: 500,
      batchSize: 16,
      flushMs: 50,
      timeoutMs: 60_000,
      attempts: 2,
    });
  });

  it('refuse what makes no sense', () => {
    expect(() => queuePoliciesSchema.parse({ vip: { bound: 0 } })).toThrow();
    expect(() => queuePoliciesSchema.parse({ urgent: {} })).toThrow();
  });
});
