import { setTimeout as sleep } from 'node:timers/promises';
import type { Stores } from '../stores.ts';
import { allPages, codeOf, entry, unique } from './samples.ts';

export function auditContract(stores: () => Stores): void {
  const log = () => stores().audit;

  it('numbers and chains entries, also of many at once', async () => {
    const who = unique('who');
    const appended = await Promise.all(
      Array.from({ length: 20 }, () => log().append(entry({ who, after: undefined }))),
    );
    expect(new Set(appended.map(({ seq }) => seq)).size).toBe(20);
    expect(appended[0]).toMatchObject({ who, after: null, why: 'because', at: expect.any(Number) });
    const listed = await allPages((cursor) => log().list({ who }, 7, cursor));
    expect(listed).toEqual(appended.toSorted((a, b) => b.seq - a.seq));
    expect(await log().verify()).toBeUndefined();
  });

  it('finds entries by subject', async () => {
    const subject = unique('subject');
    const one = await log().append(entry({ subject }));
    await log().append(entry());
    expect(await log().list({ subject }, 10)).toEqual({ items: [one], next: undefined });
    expect((await log().list({ subject, who: 'nobody' }, 10)).items).toEqual([]);
  });
}

export function keyContract(stores: () => Stores): void {
  const keys = () => stores().keys;
  const create = (id: string) =>
    keys().create(
      { id, name: 'CI', role: 'approver', owns: ['qa', 'security'], secretHash: 'hash' },
      entry({ subject: id }),
    );

  it('keeps keys, and their secrets to itself', async () => {
    const id = unique('key');
    const key = await create(id);
    expect(key).toEqual({
      id,
      name: 'CI',
      role: 'approver',
      owns: ['qa', 'security'],
      createdAt: expect.any(Number),
      revokedAt: null,
      lastUsedAt: null,
    });
    expect(await keys().find(id)).toEqual({ ...key, secretHash: 'hash' });
    expect(await keys().list()).toContainEqual(key);
    expect(await keys().find('none')).toBeUndefined();
    expect(await codeOf(create(id))).toBe('CONFLICT');
    expect((await stores().audit.list({ subject: id }, 10)).items).toHaveLength(1);
  });

  it('revokes a key once', async () => {
    const id = unique('key');
    await create(id);
    expect(await keys().revoke(id, entry())).toBe(true);
    expect(await keys().revoke(id, entry())).toBe(false);
    expect(await keys().revoke('none', entry())).toBe(false);
    expect(await keys().find(id)).toMatchObject({ revokedAt: expect.any(Number) });
  });

  it('remembers the last use, to the minute', async () => {
    const id = unique('key');
    await create(id);
    await keys().used(id);
    const first = (await keys().find(id))?.lastUsedAt;
    expect(first).toEqual(expect.any(Number));
    await sleep(5);
    await keys().used(id);
    expect((await keys().find(id))?.lastUsedAt).toBe(first);
  });
}

export function leaseContract(stores: () => Stores): void {
  const leases = () => stores().leases;

  it('has one holder, who may renew', async () => {
    const name = unique('lease');
    const held = await Promise.all(['a', 'b', 'c'].map((holder) => leases().hold(name, holder, 60_000)));
    expect(held.filter(Boolean)).toHaveLength(1);
    const holder = ['a', 'b', 'c'][held.indexOf(true)] as string;
    expect(await leases().hold(name, holder, 60_000)).toBe(true);
    await leases().release(name, 'somebody else');
    expect(await leases().hold(name, 'd', 60_000)).toBe(false);
    await leases().release(name, holder);
    expect(await leases().hold(name, 'd', 60_000)).toBe(true);
  });

  it('is free when its time is over', async () => {
    const name = unique('lease');
    expect(await leases().hold(name, 'a', 0)).toBe(true);
    expect(await leases().hold(name, 'b', 60_000)).toBe(true);
    expect(await leases().hold(name, 'a', 60_000)).toBe(false);
  });
}
