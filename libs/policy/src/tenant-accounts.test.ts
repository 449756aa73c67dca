import { TenantAccounts } from './tenant-accounts.ts';

/** A tenant that waits for nothing else takes one item. */
function once(accounts: TenantAccounts, tenant: string, cost: number): number {
  const account = accounts.open(tenant);
  const { used } = account;
  accounts.take(account, cost);
  accounts.close(account);
  return used;
}

describe('TenantAccounts', () => {
  it('lets nobody save up a right while idle', () => {
    const accounts = new TenantAccounts();
    const [a, b] = [accounts.open('a'), accounts.open('b')];
    accounts.take(a, 10);
    accounts.take(b, 10);
    accounts.close(b);
    for (let i = 0; i < 9; i += 1) accounts.take(a, 10);
    expect(a.used).toBe(100);
    expect(accounts.open('b').used).toBe(90);
    expect(accounts.open('c').used).toBe(90);
  });

  it('remembers a debt until the others have had as much', () => {
    const accounts = new TenantAccounts();
    const b = accounts.open('b');
    once(accounts, 'a', 1);
    accounts.charge('a', 99);
    expect(once(accounts, 'a', 1)).toBe(100);
    for (let i = 0; i < 60; i += 1) accounts.take(b, 5);
    const now = accounts.open('c').used;
    expect(accounts.open('a').used).toBe(now);
  });

  it('gives a refund to who waits, not to who comes back later', () => {
    const accounts = new TenantAccounts();
    const a = accounts.open('a');
    accounts.take(a, 10);
    accounts.charge('a', -4);
    expect(a.used).toBe(6);
    accounts.close(a);
    const now = accounts.open('b').used;
    accounts.charge('a', -1000);
    expect(accounts.open('a').used).toBe(now);
  });

  it('is one account for all queues that a tenant waits in', () => {
    const accounts = new TenantAccounts();
    const account = accounts.open('a');
    expect(accounts.open('a')).toBe(account);
    accounts.close(account);
    accounts.take(accounts.open('b'), 50);
    accounts.take(accounts.open('c'), 50);
    // It still waits, so it keeps its place.
    expect(accounts.open('a').used).toBe(0);
  });

  it('forgets tenants that wait for nothing when many come, and none of those goes before who waits', () => {
    const accounts = new TenantAccounts();
    const waiting = accounts.open('waiting');
    accounts.take(waiting, 5);
    accounts.charge('debtor', 1_000_000);
    for (let i = 0; i < 10_000; i += 1) once(accounts, `t${i}`, 1);
    expect(accounts.open('waiting')).toBe(waiting);
    expect(accounts.open('debtor').used).toBeLessThan(100);
    expect(accounts.open('new').used).toBeGreaterThanOrEqual(waiting.used);
  });
});
