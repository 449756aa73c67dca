import { AppError } from '@frontier/contracts/errors';
import { MAX_BLOCKED, type ModelTraffic } from '@frontier/contracts/traffic';
import type { Stores } from '@frontier/database/stores';
import { ExperimentEnds } from './experiments.ts';
import { Restorer } from './restore.ts';
import { CanaryController } from './service.ts';
import { FAILING, GOOD, Lab, type LabOptions } from './testing/lab.ts';
import { entry } from './versions.ts';

jest.setTimeout(60_000);

let stores: Stores;
let lab: Lab;
let model: string;
let count = 0;
beforeAll(async () => void (stores = await Lab.openStores()));
afterAll(() => stores.close());
afterEach(() => lab.stop());

/** Its rollout runs in the database; nobody has begun with it. */
async function open(options: LabOptions = {}): Promise<void> {
  count += 1;
  model = `restored-${count}`;
  lab = await Lab.open(stores, model, options);
}

async function ended(canary = FAILING): Promise<void> {
  await open({ canary, policy: { autoPromote: true } });
  await lab.run();
}

async function pass({ isOpen = false, mayAct = (): boolean => true } = {}): Promise<void> {
  const rollouts = new Map(isOpen ? [[lab.rollout.id, lab.rollout]] : []);
  const restorer = new Restorer(lab.tools(), rollouts, mayAct);
  restorer.look();
  await restorer.idle();
}

/** How often a record of this model was written. */
const written = () => lab.traffic.history.filter((record) => record.model === model).length;
const record = () => lab.traffic.get(model);
const put = async (change: Partial<ModelTraffic>) => {
  const found = await record();
  const before = found ?? { model, stable: '1', blocked: [], rollout: null, shadow: null, experiment: null };
  return lab.traffic.put({ ...before, ...change }, found?.epoch ?? 0);
};
const canary = (id: string) => ({ id, salt: 's', mode: 'canary' as const, canary: '2', share: 2_500 });
const word = (action: string) => entry(action, `digest/${lab.digest('2')}`, null, null, 'test');
const failures = async () => (await lab.registry.getSingleMetric('canary_effect_failures_total')?.get())?.values.filter(({ labels }) => labels['effect'] === 'restore') ?? []; // prettier-ignore

describe('after the end of a rollout', () => {
  it('a lost record comes back with what was rolled back blocked, and is then left alone', async () => {
    await ended();
    lab.traffic.lose();
    await pass();
    expect(await record()).toMatchObject({ stable: '1', blocked: ['2'], rollout: null, shadow: null, experiment: null }); // prettier-ignore
    const before = written();
    await pass();
    expect(written()).toBe(before);
  });

  it.each([
    ['rolled back', FAILING, '1', ['2']],
    ['promoted', GOOD, '2', []],
  ])('a record from before it has no canary any more: %s', async (_, behaviour, stable, blocked) => {
    await ended(behaviour);
    const former = lab.traffic.history.findLast(({ rollout }) => rollout !== null) as ModelTraffic;
    lab.traffic.lose();
    await lab.traffic.put(former, 0);
    await pass();
    expect(await record()).toMatchObject({ stable, blocked, rollout: null });
  });

  it('nothing is written while not all of its end is done, nor by who does not lead any more', async () => {
    await ended();
    lab.traffic.lose();
    await pass({ isOpen: true });
    await pass({ mayAct: () => false });
    expect(await record()).toBeUndefined();
  });

  it('an experiment and a shadow stay as they are', async () => {
    await ended();
    const arms = ['a', 'b'].map((name) => ({ name, version: '1', share: 100 }));
    const experiment = { id: 'ex', salt: 's', arms };
    const shadow = { id: 'sh', version: '3', share: 100 };
    await put({ experiment, shadow });
    const before = written();
    await pass();
    expect(written()).toBe(before);
    await put({ blocked: [] });
    await pass();
    expect(await record()).toMatchObject({ stable: '1', blocked: ['2'], experiment, shadow });
  });

  it('a version that a person put into production gets the calls', async () => {
    await ended();
    await put({ stable: '0' });
    await pass();
    expect((await record())?.stable).toBe('1');
  });

  it('a blocked version gets none, whatever the registry says', async () => {
    await ended();
    await put({ stable: '0' });
    await stores.rollouts.block(lab.digest('1'), 'x', word('digest.block'));
    await pass();
    expect(await record()).toMatchObject({ stable: '0', blocked: ['1', '2'] });
  });
});

describe('while a rollout runs', () => {
  it('its record is not touched, also where it is lost', async () => {
    await open();
    await pass();
    expect(await record()).toBeUndefined();
    await put({ rollout: canary(lab.rollout.id), stable: '0', blocked: ['7'] });
    const before = written();
    await pass();
    expect(written()).toBe(before);
  });

  it('what another one has left is taken out: it waits for that', async () => {
    await open();
    await put({ rollout: canary('r-ended') });
    await pass();
    expect(await record()).toMatchObject({ stable: '1', rollout: null });
  });
});

describe('a blocked version', () => {
  it('is let go when a person has unblocked its digest', async () => {
    await ended();
    await stores.rollouts.unblock(lab.digest('2'), word('digest.unblock'));
    await pass();
    expect((await record())?.blocked).toEqual([]);
  });

  it('stays where the database only does not know of it: it may be older', async () => {
    await ended(GOOD);
    await put({ blocked: ['1'] });
    const before = written();
    await pass();
    expect(written()).toBe(before);
  });

  it('that finds no room pushes out no other', async () => {
    await ended();
    const others = Array.from({ length: MAX_BLOCKED }, (_, i) => `other-${i}`);
    await put({ blocked: others });
    const before = written();
    await pass();
    expect(written()).toBe(before);
    await put({ blocked: others.slice(1) });
    await pass();
    expect((await record())?.blocked).toEqual(['2', ...others.slice(1)]);
  });
});

describe('a pass that fails', () => {
  it('is logged once, counted each time, and ends nothing', async () => {
    await ended();
    lab.traffic.lose();
    let logged = 0;
    lab.onError = () => (logged += 1);
    lab.traffic.fault = new AppError('UNAVAILABLE', 'gone');
    await pass();
    expect(logged).toBe(1);
    const counted = await failures();
    expect(counted.length).toBeGreaterThan(1);
    expect(counted.length).toBeLessThanOrEqual(10);
    lab.traffic.fault = undefined;
    await pass();
    expect(await record()).toBeDefined();
  });

  it('because somebody was faster is none', async () => {
    await ended();
    lab.traffic.lose();
    lab.traffic.fault = new AppError('CONFLICT', 'changed meanwhile');
    await pass();
    expect(await failures()).toEqual([]);
  });
});

it('one pass a minute', async () => {
  await ended();
  const restorer = new Restorer(lab.tools(), new Map(), () => true);
  restorer.look();
  await restorer.idle();
  lab.traffic.lose();
  restorer.look();
  await restorer.idle();
  expect(await record()).toBeUndefined();
});

it('a controller does so when it begins to lead', async () => {
  const own = await Lab.openStores();
  model = 'led';
  lab = await Lab.open(own, model, { canary: FAILING });
  await lab.run();
  lab.traffic.lose();
  const experiments = new ExperimentEnds({
    ...lab.tools(),
    experiments: { list: async () => [], counts: async () => [], put: async () => undefined },
  });
  const controller = new CanaryController(lab.tools(), experiments, own, 2_000, () => own.close());
  await controller.start();
  await lab.until(async () => (await record()) !== undefined);
  await controller.stop();
  expect(await record()).toMatchObject({ stable: '1', blocked: ['2'], rollout: null });
});
