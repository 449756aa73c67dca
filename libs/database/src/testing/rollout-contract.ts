import type { Rollout, RolloutEvent } from '@frontier/contracts/rollout';
import type { Stores } from '../stores.ts';
import { aDecision, aFault, allPages, aRollout, codeOf, counted, digest, entry, unique } from './samples.ts';

const pause: Extract<RolloutEvent, { kind: 'command' }> = {
  kind: 'command',
  at: 1_790_000_002_000,
  command: 'pause',
  who: 'ada',
  why: 'lunch',
};

export function rolloutContract(stores: () => Stores): void {
  const rollouts = () => stores().rollouts;
  const create = (change: Partial<Rollout> = {}) => rollouts().create(aRollout(change), entry());
  const append = ({ id, phase, share, salt }: Rollout, seq: number, change: Partial<Rollout> = {}) =>
    rollouts().append(
      { rollout: id, seq, at: aFault.at, event: aFault, decision: aDecision },
      { phase, share, salt, endedAt: null, ...change },
    );

  it('keeps a rollout as it is', async () => {
    const rollout = await create();
    expect(await rollouts().get(rollout.id)).toEqual(rollout);
    expect(await rollouts().get('none')).toBeUndefined();
  });

  it('says what a rollout waits for, as long as it does', async () => {
    const rollout = await create();
    await rollouts().wait(rollout.id, 'Git does not answer');
    expect(await rollouts().get(rollout.id)).toEqual({ ...rollout, waits: 'Git does not answer' });
    await append(rollout, 1);
    expect((await rollouts().get(rollout.id))?.waits).toBe('Git does not answer');
    await rollouts().wait(rollout.id, null);
    expect(await rollouts().get(rollout.id)).toEqual(rollout);
  });

  it('lets one rollout of a model run, also when two are begun at once', async () => {
    const model = unique('model');
    const codes = await Promise.all([codeOf(create({ model })), codeOf(create({ model }))]);
    expect(counted(codes)).toEqual({ done: 1, CONFLICT: 1 });
    const running = (await rollouts().list({ model, running: true }, 10)).items;
    await append(running[0] as Rollout, 1, { phase: 'aborted', endedAt: 1_790_000_003_000 });
    await create({ model });
    expect((await rollouts().list({ model, running: false }, 10)).items).toMatchObject([
      { phase: 'aborted' },
    ]);
  });

  it('lists the newest first, in pages', async () => {
    const model = unique('model');
    const ids: string[] = [];
    for (const createdAt of [1, 2, 2, 3]) {
      const { id } = await create({ model, createdAt, endedAt: 4 });
      ids.unshift(id);
    }
    const listed = await allPages((cursor) => rollouts().list({ model }, 1, cursor));
    expect(listed.map(({ createdAt }) => createdAt)).toEqual([3, 2, 2, 1]);
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(ids));
  });

  it('appends the next line only, and changes the rollout with it', async () => {
    const rollout = await create();
    const first = await append(rollout, 1, { phase: 'canary', share: 2_500, salt: 'new' });
    expect(first).toMatchObject({ id: `${rollout.id}-1`, seq: 1, event: aFault, decision: aDecision });
    expect(await rollouts().get(rollout.id)).toEqual({ ...rollout, phase: 'canary', share: 2_500, salt: 'new' }); // prettier-ignore
    expect(await codeOf(append(rollout, 1))).toBe('CONFLICT');
    expect(await codeOf(append(rollout, 3))).toBe('CONFLICT');
    expect(await codeOf(append({ ...rollout, id: 'none' }, 1))).toBe('NOT_FOUND');
    expect(await rollouts().get(rollout.id)).toMatchObject({ phase: 'canary' });
    const second = await append(rollout, 2);
    expect(await rollouts().log(rollout.id, 0, 10)).toEqual([first, second]);
    expect(await rollouts().log(rollout.id, 1, 10)).toEqual([second]);
    expect(await rollouts().log(rollout.id, 0, 1)).toEqual([first]);
    expect(await rollouts().verify(rollout.id)).toBeUndefined();
  });

  it('lets one of two controllers append', async () => {
    const rollout = await create();
    const codes = await Promise.all([1, 1, 1].map((seq) => codeOf(append(rollout, seq))));
    expect(counted(codes)).toEqual({ done: 1, CONFLICT: 2 });
    expect(await rollouts().log(rollout.id, 0, 10)).toHaveLength(1);
  });

  it('hands over each command once, in order', async () => {
    const rollout = await create();
    await rollouts().order(rollout.id, pause, entry());
    await rollouts().order(rollout.id, { ...pause, command: 'abort' }, entry());
    const [first, second] = await rollouts().orders(rollout.id);
    expect(first?.event).toEqual(pause);
    await rollouts().taken(first?.id as string);
    expect(await rollouts().orders(rollout.id)).toEqual([second]);
    expect(await codeOf(rollouts().order('none', pause, entry()))).toBe('NOT_FOUND');
    await append(rollout, 1, { phase: 'aborted', endedAt: 1 });
    expect(await codeOf(rollouts().order(rollout.id, pause, entry()))).toBe('CONFLICT');
  });

  it('blocks a digest once and unblocks it', async () => {
    const subject = unique('digest');
    const audited = async () => (await stores().audit.list({ subject }, 10)).items.length;
    await rollouts().block(digest('9'), 'r', entry({ subject }));
    await rollouts().block(digest('9'), 'r', entry({ subject }));
    expect(await rollouts().blocked()).toContain(digest('9'));
    expect(await audited()).toBe(1);
    await rollouts().unblock(digest('9'), entry({ subject }));
    expect(await rollouts().blocked()).not.toContain(digest('9'));
    expect(await codeOf(rollouts().unblock(digest('9'), entry()))).toBe('NOT_FOUND');
  });
}
