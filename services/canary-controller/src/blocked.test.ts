import { MAX_BLOCKED } from '@frontier/contracts/traffic';
import type { Stores } from '@frontier/database/stores';
import { FAILING, Lab, type LabOptions } from './testing/lab.ts';
import { entry } from './versions.ts';

jest.setTimeout(60_000);

let stores: Stores;
let lab: Lab;
let count = 0;
beforeAll(async () => void (stores = await Lab.openStores()));
afterAll(() => stores.close());
afterEach(() => lab.stop());

async function open(blocked: string[], options: LabOptions = {}): Promise<void> {
  count += 1;
  const model = `blocked-${count}`;
  lab = await Lab.open(stores, model, options);
  await lab.traffic.put({ model, stable: '1', blocked, rollout: null, shadow: null, experiment: null }, 0);
}

describe('a digest that was rolled back', () => {
  /** In Git and in the traffic record it still is. */
  async function openBlocked(): Promise<void> {
    await open(['2', '9'], { policy: { autoPromote: true } });
    const { model } = lab.rollout;
    const stable = { version: '1', digest: lab.digest('1'), slot: 'blue' as const };
    lab.environments.file = { schema: 1, environment: 'prod', model, stable, candidate: null, blocked: [lab.digest('2')], decisionId: 'x' }; // prettier-ignore
  }
  const say = (action: string, who: string) => ({ ...entry(action, `digest/${lab.digest('2')}`, null, null, 'test'), who }); // prettier-ignore

  it.each([
    ['somebody', 'hedy', 'hedy'],
    ['its author, whom another one has to back in Git', 'ada', 'grace'],
  ])('is rolled out again after it was unblocked by %s', async (_, who, approvedBy) => {
    await openBlocked();
    await stores.rollouts.block(lab.digest('2'), 'x', say('digest.block', 'canary-controller'));
    await stores.rollouts.unblock(lab.digest('2'), say('digest.unblock', who));
    await lab.run();
    expect(await stores.rollouts.get(lab.rollout.id)).toMatchObject({ phase: 'promoted' });
    const [unblocked, proposed] = lab.environments.commits;
    expect(unblocked).toMatchObject({ kind: 'unblock', reason: { requestedBy: 'ada', approvedBy } });
    expect(proposed?.kind).toBe('propose');
    expect(lab.environments.file?.blocked).toEqual([]);
    // It got calls, and what else is blocked stayed so.
    const records = lab.traffic.history.filter(({ rollout }) => rollout !== null);
    expect(records.map(({ blocked }) => blocked)).toEqual(records.map(() => ['9']));
  });

  it('is not where only Git blocks it, and nobody has unblocked it', async () => {
    await openBlocked();
    await lab.run();
    expect(await lab.last()).toMatchObject({ decision: { phase: 'aborted' }, event: { why: expect.stringContaining('blocked') } }); // prettier-ignore
    expect(lab.environments.commits).toEqual([]);
  });
});

it('a record that is full of blocked versions takes one more, for the oldest', async () => {
  const full = Array.from({ length: MAX_BLOCKED }, (_, i) => `old-${i}`);
  await open(full, { canary: FAILING });
  await lab.run();
  expect(await lab.traffic.get(lab.rollout.model)).toMatchObject({ rollout: null, blocked: [...full.slice(1), '2'] }); // prettier-ignore
});
