import { Registry } from 'prom-client';
import type { Settled } from '@frontier/contracts/request';
import { queueMetrics } from './metrics.ts';
import { PendingReplies, type PendingRepliesOptions } from './pending-replies.ts';

const END: Settled = {
  outcome: { status: 'completed', model: 'm', version: '1' },
  outputs: new Uint8Array(0),
};

describe('PendingReplies', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    pending.stop();
    jest.useRealTimers();
  });

  let pending: PendingReplies;
  function start(options: Partial<PendingRepliesOptions> = {}): void {
    const metrics = queueMetrics(new Registry());
    pending = new PendingReplies({ onDeadline: async () => undefined, poll: async () => undefined, metrics, ...options }); // prettier-ignore
    pending.start();
  }

  it('tells all who wait what came', async () => {
    start();
    expect(pending.expect('a', 't', 1_000)).toBe(true);
    expect(pending.expect('a', 't', 1_000)).toBe(false);
    const waiting = [pending.wait('a'), pending.wait('a', new AbortController().signal)];
    pending.settle('a', END);
    expect(await Promise.all(waiting)).toEqual([END, END]);
    await expect(pending.wait('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('looks for an end whose reply was lost', async () => {
    const poll = jest.fn(async () => END);
    start({ poll });
    pending.expect('a', 't', 30_000);
    const waiting = pending.wait('a');
    await jest.advanceTimersByTimeAsync(2_900);
    expect(poll).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(await waiting).toBe(END);
    expect(poll).toHaveBeenCalledWith('a', 't');
  });

  it('ends a request of its own at the deadline, trying again while it cannot', async () => {
    const onDeadline = jest.fn<Promise<Settled | undefined>, [string, string]>(async () => undefined);
    start({ onDeadline });
    pending.expect('a', 't', 1_000);
    pending.endAfter('a', 1_000);
    const waiting = pending.wait('a');
    await jest.advanceTimersByTimeAsync(2_500);
    expect(onDeadline).toHaveBeenCalledTimes(2);
    onDeadline.mockResolvedValue(END);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toBe(END);
  });

  it('leaves the deadline of an earlier call alone', async () => {
    const onDeadline = jest.fn(async () => END);
    start({ onDeadline });
    pending.expect('a', 't', 1_000);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(onDeadline).not.toHaveBeenCalled();
    expect(pending.has('a')).toBe(true);
  });

  it('does not wait for ever for what is lost', async () => {
    start();
    pending.expect('a', 't', 1_000);
    pending.endAfter('a', 1_000);
    const waiting = pending.wait('a');
    await jest.advanceTimersByTimeAsync(65_000);
    expect((await waiting).outcome.status).toBe('timeout');
    expect(pending.has('a')).toBe(false);
  });
});
