import type { InferenceQueue } from '../ports.ts';
import { inferenceId } from '../queue.ts';
import type { NewRequest, Settled } from '../request.ts';
import { bytesTensor, decodeTensors, encodeTensors } from '../tensor.ts';

/** A queue of which nobody runs anything yet. */
export interface QueueUnderTest {
  queue: InferenceQueue;
  /** From now on each request is answered with its own text in capitals. */
  serve(): Promise<void>;
  stop(): Promise<void>;
}

let made = 0;

function newRequest(queue: InferenceQueue, text: string, extra: Partial<NewRequest> = {}): NewRequest {
  made += 1;
  const uuid = `01a1fe37-c000-742b-bf95-${made.toString(16).padStart(12, '0')}`;
  return {
    id: inferenceId(uuid, queue.shardFor('standard', 'cpu')),
    tenant: 'default',
    model: 'echo',
    version: '1',
    priority: 'standard',
    pool: 'cpu',
    mode: 'sync',
    timeoutMs: 5_000,
    payload: encodeTensors([bytesTensor('text', [Buffer.from(text)])]),
    ...extra,
  };
}

export function textOf({ payload }: Pick<NewRequest, 'payload'>): string {
  return Buffer.from(decodeTensors(payload)[0]?.data.subarray(4) ?? []).toString();
}

const answerIn = ({ outputs }: Settled) => textOf({ payload: outputs });
const keyed = (key: string, bodyHash = 'h') => ({ idempotency: { key, bodyHash } });

/** What every `InferenceQueue` must do, whatever it is made of. */
export function queueContract(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`${name} as an InferenceQueue`, () => {
    let under: QueueUnderTest;
    let queue: InferenceQueue;
    const request = (text: string, extra?: Partial<NewRequest>) => newRequest(queue, text, extra);
    beforeEach(async () => {
      under = await make();
      ({ queue } = under);
    });
    afterEach(() => under.stop());

    answers();
    ends();
    keys();

    function answers(): void {
      it('names a shard of the priority and pool', () => {
        expect(queue.shardFor('low', 'gpu')).toMatchObject({ priority: 'low', pool: 'gpu', index: expect.any(Number) }); // prettier-ignore
      });

      it('answers each request with its own result, and can be asked for it again', async () => {
        await under.serve();
        const requests = ['one', 'two', 'three'].map((text) => request(text));
        const answers = await Promise.all(
          requests.map(async (r) => {
            expect(await queue.submit(r)).toEqual({ id: r.id, replayed: false });
            return queue.wait(r.id, r.tenant);
          }),
        );
        expect(answers.map(answerIn)).toEqual(['ONE', 'TWO', 'THREE']);
        expect(answers[0]?.outcome).toMatchObject({ status: 'completed', model: 'echo', version: '1' });
        const [first] = requests as [NewRequest];
        expect(await queue.read(first.id, 'default')).toMatchObject({ state: 'settled', remainingMs: 0 });
        expect(answerIn(await queue.wait(first.id, 'default'))).toBe('ONE');
      });

      it('shows a request to its own tenant only', async () => {
        const r = request('mine', { mode: 'job' });
        await queue.submit(r);
        expect(await queue.read(r.id, 'other')).toBeUndefined();
        expect(await queue.cancel(r.id, 'other')).toBeUndefined();
        await expect(queue.wait(r.id, 'other')).rejects.toMatchObject({ code: 'NOT_FOUND' });
        expect(await queue.read('inf_nothing', 'default')).toBeUndefined();
        const view = await queue.read(r.id, 'default');
        expect(view).toMatchObject({ id: r.id, model: 'echo', version: '1', unattended: true });
        expect(view?.state).toMatch(/^(waiting|running)$/);
        expect(view?.remainingMs).toBeGreaterThan(0);
        expect(view?.remainingMs).toBeLessThanOrEqual(5_000);
      });
    }

    function ends(): void {
      it('ends a request at its deadline, once', async () => {
        const r = request('late', { timeoutMs: 50 });
        await queue.submit(r);
        const settled = await queue.wait(r.id, 'default');
        expect(settled.outcome).toMatchObject({ status: 'timeout', error: { code: 'TIMEOUT' } });
        await under.serve();
        expect((await queue.cancel(r.id, 'default'))?.outcome.status).toBe('timeout');
      });

      it('cancels a request, and tells who waits', async () => {
        const r = request('never', { mode: 'stream' });
        await queue.submit(r);
        expect((await queue.read(r.id, 'default'))?.unattended).toBe(false);
        const waiting = queue.wait(r.id, 'default');
        expect((await queue.cancel(r.id, 'default'))?.outcome.status).toBe('cancelled');
        expect((await waiting).outcome).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
        expect((await queue.cancel(r.id, 'default'))?.outcome.status).toBe('cancelled');
      });

      it('cancels what nobody waits for any more', async () => {
        const r = request('gone');
        await queue.submit(r);
        expect((await queue.abandon(r.id, 'default'))?.outcome.status).toBe('cancelled');
        expect((await queue.read(r.id, 'default'))?.state).toBe('settled');
      });

      it('lets one that waits go, and runs on', async () => {
        const r = request('run on');
        await queue.submit(r);
        const gone = new AbortController();
        const waiting = queue.wait(r.id, 'default', gone.signal);
        gone.abort();
        await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
        await under.serve();
        expect(answerIn(await queue.wait(r.id, 'default'))).toBe('RUN ON');
      });
    }

    function keys(): void {
      it('runs a key once, while it is in flight and when it has ended', async () => {
        const first = request('same', keyed('k'));
        await queue.submit(first);
        const second = await queue.submit(request('same', keyed('k')));
        expect(second).toEqual({ id: first.id, replayed: true });
        await under.serve();
        expect(answerIn(await queue.wait(second.id, 'default'))).toBe('SAME');
        expect(await queue.submit(request('same', keyed('k')))).toEqual(second);
        expect(answerIn(await queue.wait(first.id, 'default'))).toBe('SAME');
      });

      it('refuses a key with another body, but not of another tenant', async () => {
        await queue.submit(request('one', keyed('k')));
        await expect(queue.submit(request('two', keyed('k', 'other')))).rejects.toMatchObject({ code: 'CONFLICT' }); // prettier-ignore
        const foreign = request('two', { ...keyed('k', 'other'), tenant: 'other' });
        expect(await queue.submit(foreign)).toEqual({ id: foreign.id, replayed: false });
      });

      it('leaves a key free when its request was cancelled or came too late', async () => {
        const late = request('late', { ...keyed('k'), timeoutMs: 50 });
        await queue.submit(late);
        await queue.wait(late.id, 'default');
        const second = request('another', keyed('k', 'other'));
        expect(await queue.submit(second)).toEqual({ id: second.id, replayed: false });
        await queue.cancel(second.id, 'default');
        const third = request('third', keyed('k'));
        expect(await queue.submit(third)).toEqual({ id: third.id, replayed: false });
      });
    }
  });
}
