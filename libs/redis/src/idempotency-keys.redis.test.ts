import { activateFailpoints } from '@frontier/kit/failpoint';
import { idempotencyKey } from './keys.ts';
import { Lab, newRequest, refusalOf } from './testing/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start();
});
afterEach(async () => {
  activateFailpoints([]);
  await lab.clear();
});
afterAll(() => lab.stop());

const HOUR_MS = 3_600_000;
const KEYED = { idempotency: { key: 'k', bodyHash: 'h' } };
const ttl = () => lab.redis.pttl(idempotencyKey('default', 'k'));

describe('the key of a request that was refused', () => {
  it('is soon forgotten, so that refusals do not fill Redis', async () => {
    const queue = await lab.gateway({ standard: { bound: 1 } });
    await queue.submit(newRequest(queue));
    expect(await refusalOf(queue.submit(newRequest(queue, KEYED)))).toMatchObject({ code: 'OVERLOADED' });
    expect(await ttl()).toBeLessThanOrEqual(60_000);
    expect(await ttl()).toBeGreaterThan(0);
  });

  it('leads to one execution when it is repeated, and is remembered from then on', async () => {
    const queue = await lab.gateway({ standard: { bound: 1 } });
    const first = newRequest(queue, { mode: 'sync' });
    await queue.submit(first);
    const refused = newRequest(queue, { ...KEYED, mode: 'sync' });
    await refusalOf(queue.submit(refused));
    await lab.dispatcher();
    await queue.wait(first.id, 'default');
    const again = await queue.submit(newRequest(queue, { ...KEYED, mode: 'sync' }));
    expect(again).toEqual({ id: refused.id, replayed: false });
    expect((await queue.wait(again.id, 'default')).outcome.status).toBe('completed');
    expect(await ttl()).toBeGreaterThan(HOUR_MS);
    expect(await queue.submit(newRequest(queue, KEYED))).toEqual({ id: refused.id, replayed: true });
  });

  it('is remembered when somebody else was admitted under it while it was being refused', async () => {
    const [a, b] = [await lab.gateway({ standard: { bound: 1 } }), await lab.gateway()];
    await a.submit(newRequest(a));
    // What is refused at one gateway is held up there until it has been repeated, and taken, at the other.
    activateFailpoints([{ name: 'gateway.admit.after', action: { kind: 'delay', ms: 300 }, at: 1 }]);
    const refused = newRequest(a, KEYED);
    const refusal = refusalOf(a.submit(refused));
    while ((await ttl()) < 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await b.submit(newRequest(b, KEYED))).toEqual({ id: refused.id, replayed: false });
    expect(await refusal).toMatchObject({ code: 'OVERLOADED' });
    expect(await ttl()).toBeGreaterThan(HOUR_MS);
  });
});

describe('a key whose call was lost', () => {
  it('between record and job runs when it is repeated', async () => {
    const queue = await lab.gateway();
    activateFailpoints([{ name: 'gateway.enqueue.before', action: { kind: 'error' }, at: 1 }]);
    const lost = newRequest(queue, { ...KEYED, mode: 'sync' });
    expect(await refusalOf(queue.submit(lost))).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'redis' }, retryAfterS: expect.any(Number) }); // prettier-ignore
    await lab.dispatcher();
    const again = await queue.submit(newRequest(queue, { ...KEYED, mode: 'sync' }));
    expect(again).toEqual({ id: lost.id, replayed: false });
    expect((await queue.wait(lost.id, 'default')).outcome.status).toBe('completed');
  });

  it('after its job was added leads to that job', async () => {
    const queue = await lab.gateway();
    activateFailpoints([{ name: 'gateway.replicate.before', action: { kind: 'error' }, at: 1 }]);
    const lost = newRequest(queue, { ...KEYED, mode: 'sync' });
    expect(await refusalOf(queue.submit(lost))).toMatchObject({ code: 'UNAVAILABLE' });
    const again = await queue.submit(newRequest(queue, { ...KEYED, mode: 'sync' }));
    expect(again).toEqual({ id: lost.id, replayed: true });
    await lab.dispatcher();
    expect((await queue.wait(lost.id, 'default')).outcome.status).toBe('completed');
  });
});
