import type { NewRequest, TokenChunk } from '@frontier/contracts/request';
import { FakeQueue, textOutput, type Execution } from '../testing/fake-queue.ts';
import { FakeRelay } from '../testing/fake-relay.ts';
import { Follower } from './follower.ts';

const ID = 'inf_1';

function request(): NewRequest {
  return {
    id: ID,
    tenant: 't',
    model: 'poet',
    version: '1',
    priority: 'standard',
    pool: 'cpu',
    mode: 'stream',
    timeoutMs: 30_000,
    payload: Buffer.from('\x02\0\0\0[]'),
  };
}

function chunk(offset: number, text: string, epoch = 0): TokenChunk {
  return { id: ID, epoch, offset, tokens: [...text].map((_, i) => offset + i), text };
}

describe('Follower', () => {
  let queue: FakeQueue;
  let relay: FakeRelay;
  let finish: (execution: Execution) => void;
  const followers: Follower[] = [];

  beforeEach(() => {
    relay = new FakeRelay();
    queue = new FakeQueue(() => new Promise((resolve) => (finish = resolve)));
  });

  afterEach(() => {
    for (const follower of followers.splice(0)) follower.close();
    queue.stop();
  });

  async function follow(chars = 0, fromLog = false): Promise<Follower> {
    const follower = new Follower({ queue, relay, id: ID, tenant: 't', chars, generates: true });
    followers.push(follower);
    if (queue.submitted.length === 0) await queue.submit(request());
    follower.start(30_000, { fromLog, repeats: false });
    return follower;
  }

  it('gives live text, then what only the record has, then the end', async () => {
    const follower = await follow();
    relay.emit(chunk(0, 'ab'));
    await expect(follower.next()).resolves.toEqual({ text: 'ab', position: '0.2' });
    relay.emit(chunk(2, 'c'));
    relay.emit(chunk(3, 'd'));
    await expect(follower.next()).resolves.toEqual({ text: 'cd', position: '0.4' });
    finish({ outputs: textOutput('abcdef') });
    await expect(follower.next()).resolves.toEqual({ text: 'ef', position: '0.6' });
    await expect(follower.next()).resolves.toMatchObject({ settled: { outcome: { status: 'completed' } } });
  });

  it('reads the log over a gap', async () => {
    const follower = await follow();
    queue.log.set(ID, [chunk(0, 'abc')]);
    relay.emit(chunk(2, 'c'));
    await expect(follower.next()).resolves.toEqual({ text: 'abc', position: '0.3' });
    relay.emit(chunk(3, 'd'));
    await expect(follower.next()).resolves.toEqual({ text: 'd', position: '0.4' });
  });

  it('resumes from the log, then live', async () => {
    queue.log.set(ID, [chunk(0, 'abc')]);
    const follower = await follow(1, true);
    await expect(follower.next()).resolves.toEqual({ text: 'bc', position: '0.3' });
    relay.emit(chunk(3, 'd'));
    await expect(follower.next()).resolves.toEqual({ text: 'd', position: '0.4' });
  });

  it('follows by the log alone when the relay is silent', async () => {
    const follower = await follow();
    queue.log.set(ID, [chunk(0, 'abc')]);
    await expect(follower.next()).resolves.toEqual({ text: 'abc', position: '0.3' });
  });

  it('keeps no more than its limit for a slow reader, and loses nothing', async () => {
    const follower = await follow();
    const part = 'x'.repeat(600 * 1024);
    const log = [0, 1, 2, 3].map((i) => ({ ...chunk(i, 'x'), text: part }));
    queue.log.set(ID, log);
    for (const one of log) relay.emit(one);
    // Two parts are over the limit: they and all that followed come from the log.
    const event = await follower.next();
    expect(event).toMatchObject({ position: `0.${4 * part.length}` });
    finish({ outputs: textOutput(`${part.repeat(4)}end`) });
    await expect(follower.next()).resolves.toMatchObject({ text: 'end' });
  });

  it('gives failures of the record as its end', async () => {
    const follower = await follow();
    await queue.cancel(ID, 't');
    await expect(follower.next()).resolves.toMatchObject({ settled: { outcome: { status: 'cancelled' } } });
  });

  it('stops waiting when it is closed, and listens no more', async () => {
    const follower = await follow();
    const next = follower.next();
    follower.close();
    await expect(next).resolves.toBeUndefined();
    await expect(follower.next()).resolves.toBeUndefined();
    expect(relay.listening).toEqual([]);
  });

  it('rejects when the request is unknown', async () => {
    const follower = new Follower({ queue, relay, id: 'inf_2', tenant: 't', chars: 0, generates: true });
    followers.push(follower);
    follower.start(1_000, { fromLog: false, repeats: false });
    await expect(follower.next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
