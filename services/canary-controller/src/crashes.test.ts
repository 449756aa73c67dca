import { activateFailpoints, type Failpoint } from '@frontier/kit/failpoint';
import type { Stores } from '@frontier/database/stores';
import { FAILING, Lab, type LabOptions } from './testing/lab.ts';

jest.setTimeout(120_000);

let stores: Stores;
let lab: Lab;
beforeAll(async () => void (stores = await Lab.openStores()));
afterAll(() => stores.close());
afterEach(async () => {
  activateFailpoints([]);
  await lab.stop();
});

const both = (...steps: string[]) =>
  steps.flatMap((step) => [`canary.${step}.before`, `canary.${step}.after`]);

/**
 * Runs a rollout whose controller dies the first time it comes by each of these places: nothing is done any more there
 * and then, and another controller begins with what is in the database. How often it died.
 */
async function runWithCrashes(name: string, options: LabOptions, places: string[]): Promise<number> {
  lab = await Lab.open(stores, name, options);
  activateFailpoints(places.map((place): Failpoint => ({ name: place, action: { kind: 'error' }, at: 1 })));
  let dead = false;
  let deaths = 0;
  lab.onError = (error) => {
    if (!(error instanceof Error) || !error.message.startsWith('failpoint')) return;
    dead = true;
    deaths += 1;
  };
  while ((await lab.audited('rollout.finished')) === 0 || dead) {
    dead = false;
    await lab.run(() => !dead);
  }
  return deaths;
}

it('a canary becomes stable wherever its controller dies', async () => {
  const places = [
    ...both('propose', 'traffic', 'append', 'raise', 'git-promote', 'git-settle', 'report', 'finish'),
    'canary.baseline.after',
  ];
  const deaths = await runWithCrashes('crash-good', { policy: { autoPromote: true } }, places);
  expect(deaths).toBe(places.length);
  expect(await lab.traffic.get('crash-good')).toMatchObject({ stable: '2', rollout: null, blocked: [] });
  expect([await lab.stateOf('1'), await lab.stateOf('2')]).toEqual(['archived', 'production']);
  expect(lab.environments.commits.map(({ kind }) => kind)).toEqual(['begin', 'propose', 'promote', 'settle']);
  expect(await lab.audited('rollout.finished')).toBe(1);
  expect(await stores.rollouts.verify(lab.rollout.id)).toBeUndefined();
});

it('a canary is taken back wherever its controller dies', async () => {
  const places = both('propose', 'traffic', 'append', 'block', 'lower', 'root-cause', 'git-rollback', 'report', 'finish'); // prettier-ignore
  const deaths = await runWithCrashes('crash-bad', { canary: FAILING }, places);
  expect(deaths).toBe(places.length);
  expect(await lab.traffic.get('crash-bad')).toMatchObject({ stable: '1', rollout: null, blocked: ['2'] });
  expect([await lab.stateOf('1'), await lab.stateOf('2')]).toEqual(['production', 'draft']);
  expect(lab.environments.commits.map(({ kind }) => kind)).toEqual(['begin', 'propose', 'rollback']);
  expect(await stores.rollouts.blocked()).toContain(lab.digest('2'));
  expect(await lab.rootCauses()).toHaveLength(1);
  expect(await lab.audited('rollout.finished')).toBe(1);
});

it('an order is obeyed once, also when its controller dies before it is taken from the list', async () => {
  lab = await Lab.open(stores, 'crash-order', { policy: { advanceRequests: 1_000_000 } });
  await lab.order('pause');
  activateFailpoints([{ name: 'canary.order.before', action: { kind: 'error' }, at: 1 }]);
  let dead = false;
  lab.onError = () => (dead = true);
  await lab.run(() => !dead);
  dead = false;
  void lab.run(() => !dead);
  await lab.until(async () => (await stores.rollouts.orders(lab.rollout.id)).length === 0);
  await lab.order('abort');
  await lab.until(async () => (await lab.audited('rollout.finished')) === 1);
  const commands = (await lab.log()).flatMap(({ event }) =>
    event.kind === 'command' ? [event.command] : [],
  );
  expect(commands).toEqual(['pause', 'abort']);
});

it('the same order given twice is obeyed twice, also when another controller finds the second', async () => {
  lab = await Lab.open(stores, 'crash-order-twice', { policy: { advanceRequests: 1_000_000 } });
  const taken = async () => (await stores.rollouts.orders(lab.rollout.id)).length === 0;
  await lab.order('pause');
  let dead = false;
  const run = lab.run(() => !dead);
  await lab.until(taken);
  dead = true;
  await run;
  await lab.order('pause');
  void lab.run();
  await lab.until(taken);
  const orders = (await lab.log()).flatMap(({ event }) => (event.kind === 'command' ? [event.order] : []));
  expect(orders).toHaveLength(2);
  expect(new Set(orders).size).toBe(2);
});
