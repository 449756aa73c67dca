import { Coalescer } from './coalescer.ts';

/** Calls that finish when told, in the order they were made. */
function manualCalls() {
  const calls: { items: number[]; finish: () => void }[] = [];
  const call = (items: number[]) =>
    new Promise<(number | Error)[]>((resolve) => {
      calls.push({ items, finish: () => resolve(items.map((i) => (i < 0 ? new Error(`no ${i}`) : i * 2))) });
    });
  return { calls, call };
}

/** Two turns: what ends in the first may start a call in the second. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('Coalescer', () => {
  it('sends a lone item without waiting for company', async () => {
    const { calls, call } = manualCalls();
    const answer = new Coalescer(call, { max: 4 }).submit(1);
    await turn();
    expect(calls.map((c) => c.items)).toEqual([[1]]);
    calls[0]?.finish();
    await expect(answer).resolves.toBe(2);
  });

  it('lets what arrives during a call travel together in the next, at most `max`, in order', async () => {
    const { calls, call } = manualCalls();
    const coalescer = new Coalescer(call, { max: 3 });
    const answers = [coalescer.submit(0)];
    await turn();
    for (const i of [1, 2, 3, 4]) answers.push(coalescer.submit(i));
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]?.finish();
    await turn();
    expect(calls[1]?.items).toEqual([1, 2, 3]);
    calls[1]?.finish();
    await turn();
    expect(calls[2]?.items).toEqual([4]);
    calls[2]?.finish();
    await expect(Promise.all(answers)).resolves.toEqual([0, 2, 4, 6, 8]);
  });

  it('starts a second call only when `secondAt` items wait', async () => {
    const { calls, call } = manualCalls();
    const coalescer = new Coalescer(call, { max: 8, secondAt: 3 });
    void coalescer.submit(0);
    await turn();
    void coalescer.submit(1);
    void coalescer.submit(2);
    await turn();
    expect(calls).toHaveLength(1);
    void coalescer.submit(3);
    await turn();
    expect(calls[1]?.items).toEqual([1, 2, 3]);
  });

  it('rejects only the item that failed alone, and all of a call that failed', async () => {
    const { calls, call } = manualCalls();
    const coalescer = new Coalescer(call, { max: 4 });
    const answers = Promise.allSettled([coalescer.submit(1), coalescer.submit(-1)]);
    await turn();
    calls[0]?.finish();
    expect((await answers).map((a) => a.status)).toEqual(['fulfilled', 'rejected']);

    const broken = new Coalescer<number, number>(() => Promise.reject(new Error('away')), { max: 4 });
    await expect(Promise.allSettled([broken.submit(1), broken.submit(2)])).resolves.toMatchObject([
      { status: 'rejected' },
      { status: 'rejected' },
    ]);
  });
});
