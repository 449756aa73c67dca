import type { Stores } from '../stores.ts';
import { allPages, aVersion, codeOf, counted, digest, entry, unique } from './samples.ts';

const report = { rows: 10, nested: { z: 1, a: [null, 'é'] } };

export function registryContract(stores: () => Stores): void {
  const registry = () => stores().registry;
  const auditOf = async (subject: string) => (await stores().audit.list({ subject }, 100)).items;

  it('registers a version as a draft, with its audit entry', async () => {
    const version = aVersion(unique('model'));
    const subject = `version/${version.model}@1`;
    const record = await registry().register(version, entry({ subject, who: 'grace' }));
    expect(record).toEqual({
      ...version,
      state: 'draft',
      author: 'grace',
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
    });
    expect(await registry().version(version.model, '1')).toEqual(record);
    expect(await registry().version(version.model, '2')).toBeUndefined();
    expect(await auditOf(subject)).toHaveLength(1);
  });

  it('gives the record for the same digest and refuses another one', async () => {
    const version = aVersion(unique('model'));
    const subject = `version/${version.model}@1`;
    const record = await registry().register(version, entry({ subject }));
    expect(await registry().register(version, entry({ subject }))).toEqual(record);
    const other = { ...version, digest: digest('f') };
    expect(await codeOf(registry().register(other, entry({ subject })))).toBe('CONFLICT');
    expect(await auditOf(subject)).toHaveLength(1);
  });

  it('lets one of two registrations at once win', async () => {
    const model = unique('model');
    const codes = await Promise.all(
      ['1', '2', '3', '4'].map((character) =>
        codeOf(registry().register(aVersion(model, '1', { digest: digest(character) }), entry())),
      ),
    );
    expect(counted(codes)).toEqual({ done: 1, CONFLICT: 3 });
  });

  it('lists in pages', async () => {
    const model = unique('model');
    for (const version of ['3', '1', '2']) await registry().register(aVersion(model, version), entry());
    await registry().move(model, '2', 'draft', 'staging', entry());
    const listed = await allPages((cursor) => registry().versions({ model }, 2, cursor));
    expect(listed.map(({ version }) => version)).toEqual(['1', '2', '3']);
    const drafts = await registry().versions({ model, state: 'draft' }, 10);
    expect(drafts).toEqual({ items: [listed[0], listed[2]], next: undefined });
    expect(await codeOf(registry().versions({}, 1, 'bogus'))).toBe('INVALID_INPUT');
  });

  it('moves a version only from the state that the caller saw', async () => {
    const model = unique('model');
    await registry().register(aVersion(model), entry());
    const moved = await registry().move(model, '1', 'draft', 'staging', entry());
    expect(moved).toMatchObject({ state: 'staging' });
    expect(await codeOf(registry().move(model, '1', 'draft', 'staging', entry()))).toBe('CONFLICT');
    expect(await codeOf(registry().move(model, '9', 'draft', 'staging', entry()))).toBe('NOT_FOUND');
  });

  it('lets one of two moves at once win', async () => {
    const model = unique('model');
    await registry().register(aVersion(model), entry());
    const move = () => codeOf(registry().move(model, '1', 'draft', 'staging', entry()));
    expect(counted(await Promise.all([move(), move()]))).toEqual({ done: 1, CONFLICT: 1 });
  });

  it('archives the former version in production, and says so in the audit log', async () => {
    const model = unique('model');
    for (const version of ['1', '2']) {
      await registry().register(aVersion(model, version), entry());
      await registry().move(model, version, 'draft', 'approved', entry());
      await registry().move(model, version, 'approved', 'production', entry({ why: 'green' }));
    }
    expect(await registry().version(model, '1')).toMatchObject({ state: 'archived' });
    expect(await registry().version(model, '2')).toMatchObject({ state: 'production' });
    expect(await auditOf(`version/${model}@1`)).toMatchObject([
      { before: { state: 'production' }, after: { state: 'archived' }, why: '2 became production: green' },
    ]);
  });

  it('never has two versions in production', async () => {
    const model = unique('model');
    for (const version of ['1', '2', '3']) await registry().register(aVersion(model, version), entry());
    const outcomes = await Promise.all(
      ['1', '2', '3'].map((version) =>
        codeOf(registry().move(model, version, 'draft', 'production', entry())),
      ),
    );
    expect(outcomes).toContain(undefined);
    expect((await registry().versions({ model, state: 'production' }, 10)).items).toHaveLength(1);
  });

  it('attaches evidence under the hash of its report', async () => {
    const model = unique('model');
    await registry().register(aVersion(model), entry());
    const first = await registry().attach(model, '1', { gate: 'G1', kind: 'evaluation', report }, entry());
    const same = { nested: { a: [null, 'é'], z: 1 }, rows: 10 };
    const second = await registry().attach(model, '1', { gate: 'G1', kind: 'evaluation', report: same }, entry()); // prettier-ignore
    expect(first).toMatchObject({ model, version: '1', gate: 'G1', report, author: 'ada' });
    expect(first.sha256).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(second.sha256).toBe(first.sha256);
    expect(await registry().evidence(model, '1')).toEqual([first, second]);
    expect(await registry().evidence(model, '2')).toEqual([]);
    const nowhere = registry().attach(model, '9', { gate: 'G1', kind: 'evaluation', report }, entry());
    expect(await codeOf(nowhere)).toBe('NOT_FOUND');
  });

  it('refuses a report over 1 MiB', async () => {
    const model = unique('model');
    await registry().register(aVersion(model), entry());
    const large = { gate: 'G2' as const, kind: 'scan', report: { text: 'x'.repeat(1024 * 1024) } };
    expect(await codeOf(registry().attach(model, '1', large, entry()))).toBe('PAYLOAD_TOO_LARGE');
  });

  it('keeps the last judgement of each gate and role', async () => {
    const model = unique('model');
    await registry().register(aVersion(model), entry());
    const { id } = await registry().attach(model, '1', { gate: 'G3', kind: 'sign-off', report }, entry());
    const judge = (role: 'qa' | 'ot-lead', passed: boolean, evidence = [id]) =>
      registry().judge(
        { model, version: '1', gate: 'G3', passed, reason: 'seen', evidence, role, approver: 'grace' },
        entry(),
      );
    await judge('qa', false);
    const byLead = await judge('ot-lead', true);
    const byQa = await judge('qa', true);
    expect(await registry().gates(model, '1')).toEqual([byLead, byQa]);
    expect(byQa).toMatchObject({ passed: true, evidence: [id], at: expect.any(Number) });
    expect(await codeOf(judge('qa', true, ['unknown']))).toBe('INVALID_INPUT');
  });

  it('refuses a text that the database cannot hold, and writes nothing then', async () => {
    const model = unique('model');
    await registry().register(aVersion(model), entry());
    const move = registry().move(model, '1', 'draft', 'staging', entry({ who: 'a\u0000b' }));
    expect(await codeOf(move)).toBe('INVALID_INPUT');
    expect(await registry().version(model, '1')).toMatchObject({ state: 'draft' });
  });
}
