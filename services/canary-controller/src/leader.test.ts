import type { LeaseStore } from '@frontier/contracts/registry';
import { createLogger } from '@frontier/kit/logger';
import { Leader, type Term } from './leader.ts';

/** A lease that a test grants or refuses. */
class Lease implements LeaseStore {
  answer: () => Promise<boolean> = () => Promise.resolve(true);
  released = 0;
  hold = () => this.answer();
  release = async () => void (this.released += 1);
}

const log = createLogger({ service: 'test', level: 'silent' });

function start(lease: Lease, forMs = 80) {
  const terms: Term[] = [];
  const stop = new AbortController();
  const leader = new Leader({
    leases: lease,
    name: 'x',
    holder: 'me',
    forMs,
    log,
    lead: (term) => {
      terms.push(term);
      return new Promise((resolve) => term.signal.addEventListener('abort', () => resolve()));
    },
  });
  const work = leader.run(stop.signal);
  return { terms, leader, stop: async () => (stop.abort(), work) };
}

const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('a leader', () => {
  it('leads one term while it holds the lease, and gives it back', async () => {
    const lease = new Lease();
    const { terms, leader, stop } = start(lease);
    await until(() => leader.leading);
    expect(terms[0]?.mayAct()).toBe(true);
    await stop();
    expect(terms).toHaveLength(1);
    expect(terms[0]?.mayAct()).toBe(false);
    expect(lease.released).toBe(1);
  });

  it('waits while somebody else holds it', async () => {
    const lease = new Lease();
    let asked = 0;
    lease.answer = async () => (asked += 1) > 2;
    const { terms, leader, stop } = start(lease);
    await until(() => leader.leading);
    expect(asked).toBeGreaterThan(2);
    expect(terms).toHaveLength(1);
    await stop();
  });

  it.each([
    ['somebody else has it', () => Promise.resolve(false)],
    ['the database is gone', () => Promise.reject(new Error('gone'))],
    ['the database is silent', () => new Promise<boolean>(() => undefined)],
  ])('stops acting when %s, and leads again later', async (_, answer) => {
    const lease = new Lease();
    const { terms, leader, stop } = start(lease);
    await until(() => leader.leading);
    lease.answer = answer;
    await until(() => terms[0]?.signal.aborted === true);
    expect(terms[0]?.mayAct()).toBe(false);
    lease.answer = () => Promise.resolve(true);
    await until(() => terms.length === 2);
    expect(terms[1]?.mayAct()).toBe(true);
    await stop();
  });

  it('may not act when it was frozen for longer than its lease', async () => {
    const lease = new Lease();
    const { terms, leader, stop } = start(lease, 60);
    await until(() => leader.leading);
    const [term] = terms;
    const end = performance.now() + 70;
    // The thread is busy: no timer could have said so.
    while (performance.now() < end);
    expect(term?.signal.aborted).toBe(false);
    expect(term?.mayAct()).toBe(false);
    await stop();
  });

  it('begins a new term after one in which it was frozen: what stopped acting does not begin again by itself', async () => {
    const lease = new Lease();
    const { terms, leader, stop } = start(lease, 60);
    await until(() => leader.leading);
    const end = performance.now() + 70;
    while (performance.now() < end);
    expect(terms[0]?.mayAct()).toBe(false);
    await until(() => leader.leading);
    expect(terms).toHaveLength(2);
    expect(terms[0]?.mayAct()).toBe(false);
    expect(terms[1]?.mayAct()).toBe(true);
    await stop();
  });
});
