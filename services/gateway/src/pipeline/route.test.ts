import { queuePoliciesSchema } from '@frontier/contracts/queue';
import { testCatalogue } from '../testing/models.ts';
import type { InferenceCall } from './call.ts';
import { bodyHash, checkIdempotencyKey } from './idempotency.ts';
import { choosePool, findModel } from './route.ts';
import { timeoutOf } from './timeout.ts';

const call: InferenceCall = {
  model: 'simple',
  inputs: { form: 'prompt', text: '' },
  priority: 'vip',
  mode: 'sync',
};

describe('findModel', () => {
  it('takes the named version, else the latest', () => {
    expect(findModel(testCatalogue, 'poet', undefined).spec.version).toBe('2');
    expect(findModel(testCatalogue, 'poet', '1').spec.version).toBe('1');
    expect(() => findModel(testCatalogue, 'poet', '9')).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    );
    expect(() => findModel(testCatalogue, 'nobody', undefined)).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    );
  });
});

describe('choosePool', () => {
  const simple = findModel(testCatalogue, 'simple', undefined).spec;
  const gpuOnly = findModel(testCatalogue, 'gpu-only', undefined).spec;

  it('goes where the priority prefers to, else where it can', () => {
    expect(choosePool(simple, 'gpu', ['cpu', 'gpu'])).toBe('gpu');
    expect(choosePool(simple, 'gpu', ['cpu'])).toBe('cpu');
    expect(choosePool(gpuOnly, 'cpu', ['cpu', 'gpu'])).toBe('gpu');
    expect(() => choosePool(gpuOnly, 'cpu', ['cpu'])).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
  });
});

describe('timeoutOf', () => {
  const policies = queuePoliciesSchema.parse({});

  it('lets callers shorten the timeout only', () => {
    expect(timeoutOf(call, policies, 900_000, 0)).toBe(5_000);
    expect(timeoutOf({ ...call, deadlineMs: 70_000 }, policies, 900_000, 0)).toBe(5_000);
    expect(timeoutOf({ ...call, deadlineMs: 100 }, policies, 900_000, 40.5)).toBe(60);
    expect(timeoutOf({ ...call, mode: 'job' }, policies, 900_000, 0)).toBe(900_000);
    expect(timeoutOf({ ...call, mode: 'job', deadlineMs: 3_600_000 }, policies, 900_000, 0)).toBe(3_600_000);
  });

  it('refuses what is over already', () => {
    expect(() => timeoutOf({ ...call, deadlineMs: 10 }, policies, 1, 11)).toThrow(
      expect.objectContaining({ code: 'TIMEOUT' }),
    );
    expect(() => timeoutOf({ ...call, deadlineMs: -5 }, policies, 1, 0)).toThrow(
      expect.objectContaining({ code: 'TIMEOUT' }),
    );
  });
});

describe('idempotency', () => {
  it.each(['', ' ', 'ä', 'a\nb', 'x'.repeat(256)])('refuses the key %j', (key) => {
    expect(() => checkIdempotencyKey(key)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  it('tells bodies apart, not orders of params nor deadlines', () => {
    const payload = Buffer.from('payload');
    const hash = bodyHash(call, payload, { seed: 1, top_k: 2 });
    expect(bodyHash({ ...call, deadlineMs: 5 }, payload, { top_k: 2, seed: 1 })).toBe(hash);
    const others = [
      bodyHash(call, Buffer.from('other'), { seed: 1, top_k: 2 }),
      bodyHash(call, payload, { seed: 2, top_k: 2 }),
      bodyHash({ ...call, model: 'poet' }, payload, { seed: 1, top_k: 2 }),
      bodyHash({ ...call, priority: 'low' }, payload, { seed: 1, top_k: 2 }),
      bodyHash({ ...call, mode: 'job' }, payload, { seed: 1, top_k: 2 }),
    ];
    expect(new Set([hash, ...others]).size).toBe(6);
  });
});
