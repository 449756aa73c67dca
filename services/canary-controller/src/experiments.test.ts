import {
  EXPERIMENT_GROUPS,
  GATEWAY_KPIS,
  type ArmCounts,
  type Experiment,
} from '@frontier/contracts/experiment';
import type { NewAuditEntry } from '@frontier/contracts/registry';
import { createLogger } from '@frontier/kit/logger';
import { ExperimentEnds, type ExperimentTools } from './experiments.ts';
import { MemoryTraffic } from './testing/memory-traffic.ts';

const ARMS = [
  { name: 'a', version: '1', share: 5_000 },
  { name: 'b', version: '2', share: 5_000 },
];

/** One experiment, its counts, and what is done about it. */
class World {
  readonly traffic = new MemoryTraffic();
  readonly audited: NewAuditEntry[] = [];
  experiment: Experiment;
  counts: ArmCounts[] = [];
  /** Thrown by the next `put` of an experiment. */
  fault: Error | undefined;

  constructor(requests: number, ms: number) {
    const plan = { id: 'ex-1', arms: ARMS.map(({ name, share }) => ({ name, share })), kpi: GATEWAY_KPIS.error_rate, effect: 0.05, alpha: 0.05, horizon: { requests, ms } }; // prettier-ignore
    this.experiment = {
      plan,
      model: 'm',
      arms: ARMS,
      startedAt: Date.now(),
      startedBy: 'ada',
      endedAt: null,
    };
  }

  async begin(): Promise<void> {
    await this.traffic.put({ model: 'm', stable: '1', blocked: [], rollout: null, shadow: null, experiment: { id: 'ex-1', salt: 's', arms: ARMS } }, 0); // prettier-ignore
  }

  /** Requests and errors of each group of an arm, about: without any spread nothing can be concluded. */
  count(a: [number, number], b: [number, number]): void {
    const about = (n: number, arm: number) => Array.from({ length: EXPERIMENT_GROUPS }, (_, i) => n + (i % (2 + arm)) % 2); // prettier-ignore
    this.counts = [a, b].map(([requests, sums], i) => ({ name: ARMS[i]?.name ?? '', requests: about(requests, i), sums: about(sums, 1 - i) })); // prettier-ignore
  }

  async look(mayAct = true): Promise<void> {
    const audit = {
      append: async (entry: NewAuditEntry) => void this.audited.push(entry),
      list: async () => ({ items: this.audited }),
    } as unknown as ExperimentTools['audit'];
    const experiments = {
      list: async () => [this.experiment],
      counts: async () => this.counts,
      put: async (changed: Experiment) => {
        const { fault } = this;
        this.fault = undefined;
        if (fault) throw fault;
        this.experiment = changed;
      },
    };
    const log = createLogger({ service: 'test', level: 'silent' });
    await new ExperimentEnds({ experiments, traffic: this.traffic, audit, log }).look(() => mayAct);
  }

  async isSplit(): Promise<boolean> {
    return (await this.traffic.get('m'))?.experiment !== null;
  }
}

async function open(requests = 1_000_000, ms = 3_600_000): Promise<World> {
  const world = new World(requests, ms);
  await world.begin();
  return world;
}

it('an experiment goes on while nothing is known', async () => {
  const world = await open();
  world.count([4, 1], [4, 1]);
  await world.look();
  expect(world.experiment.endedAt).toBeNull();
  expect(await world.isSplit()).toBe(true);
  expect(world.audited).toEqual([]);
});

it('an experiment with an answer ends, and says which arm it is', async () => {
  const world = await open();
  world.count([1_000, 300], [1_000, 100]);
  await world.look();
  expect(world.experiment.endedAt).not.toBeNull();
  expect(await world.isSplit()).toBe(false);
  expect(world.audited).toMatchObject([
    { who: 'canary-controller', action: 'experiment.end', subject: 'experiment/ex-1', why: 'Take b.' },
  ]);
});

it.each([
  ['each arm has its requests', 400, 3_600_000],
  ['its time is over', 1_000_000, 1],
])('an experiment without an answer ends when %s', async (_, requests, ms) => {
  const world = await open(requests, ms);
  world.experiment = { ...world.experiment, startedAt: Date.now() - 1_000 };
  world.count([4, 1], [4, 1]);
  await world.look();
  expect(await world.isSplit()).toBe(false);
  expect(world.audited).toMatchObject([{ why: 'Keep a: no arm is proven better.' }]);
});

it('an experiment whose arms do not get their shares ends: it can prove nothing', async () => {
  const world = await open();
  world.count([1_000, 10], [500, 5]);
  await world.look();
  expect(await world.isSplit()).toBe(false);
  expect(world.audited).toMatchObject([{ after: { status: 'broken' } }]);
});

it('an end that breaks off is done again, and told once', async () => {
  const world = await open();
  world.count([1_000, 300], [1_000, 100]);
  world.fault = new Error('Redis is away');
  await world.look();
  expect(world.experiment.endedAt).toBeNull();
  await world.look();
  expect(world.experiment.endedAt).not.toBeNull();
  expect(world.audited).toHaveLength(1);
});

it('an experiment that others have ended takes no traffic from the next one', async () => {
  const world = await open();
  const found = await world.traffic.get('m');
  await world.traffic.put({ model: 'm', stable: '1', blocked: [], rollout: null, shadow: null, experiment: { id: 'ex-2', salt: 's', arms: ARMS } }, found?.epoch ?? 0); // prettier-ignore
  world.count([1_000, 300], [1_000, 100]);
  await world.look();
  expect((await world.traffic.get('m'))?.experiment?.id).toBe('ex-2');
});

it('nothing is ended by a controller that does not lead any more', async () => {
  const world = await open();
  world.count([1_000, 300], [1_000, 100]);
  await world.look(false);
  expect(world.experiment.endedAt).toBeNull();
  expect(world.audited).toEqual([]);
});
