import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { gatePolicySchema } from '@frontier/contracts/gates';
import { GATES, newVersionSchema, type Gate, type RolloutLogEntry, type VersionState } from '@frontier/contracts/registry'; // prettier-ignore
import type { Rollout, RolloutCommand } from '@frontier/contracts/rollout';
import { rolloutPolicySchema, type RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { openStores, type Stores } from '@frontier/database/stores';
import { createLogger, type Logger } from '@frontier/kit/logger';
import { Baseline } from '../baseline.ts';
import type { Term } from '../leader.ts';
import { controllerMetrics } from '../metrics.ts';
import type { Tools } from '../ports.ts';
import { RolloutRun } from '../rollout-run.ts';
import { entry } from '../versions.ts';
import { MemoryEnvironments } from './memory-environments.ts';
import { MemoryTraffic } from './memory-traffic.ts';
import { SimulatedGateways, type Behaviour } from './simulated-gateways.ts';

const silent = createLogger({ service: 'test', level: 'silent' });
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** Small and quick; what a test is about it overrides. */
const POLICY = {
  scrapeMs: 5,
  blockMs: 20,
  blockRequests: 50,
  stableBlocks: 1,
  advanceRequests: 500,
  promoteRequests: 2_000,
  aaRequests: 500,
  watchMs: 40,
  goodScrapes: 1,
};

export const GOOD: Behaviour = { errors: 0, factor: 1 };
export const FAILING: Behaviour = { errors: 0.2, factor: 1 };
export const SLOW: Behaviour = { errors: 0, factor: 2.5 };

export type LabOptions = {
  canary?: Behaviour;
  policy?: Partial<RolloutPolicy>;
  author?: string;
  createdBy?: string;
  /** Of the canary, when the rollout is created. */
  state?: VersionState;
  frozen?: Tools['frozen'];
  /** The last gate that has passed. */
  gate?: Gate | 'none';
};

/** A rollout of a model of its own, with everything around it: a real database, and the rest in memory. */
export class Lab {
  readonly traffic = new MemoryTraffic();
  readonly environments = new MemoryEnvironments();
  readonly stores: Stores;
  readonly registry = new Registry();
  gateways: SimulatedGateways;
  rollout: Rollout;
  folder: string;
  /** Told of each error that is logged. */
  onError: (error: unknown) => void = () => {};
  #options: LabOptions;
  readonly #metrics = controllerMetrics(this.registry);
  readonly #abort = new AbortController();
  readonly #runs: Promise<void>[] = [];

  private constructor(stores: Stores, rollout: Rollout, folder: string, options: LabOptions) {
    this.stores = stores;
    this.rollout = rollout;
    this.folder = folder;
    this.#options = options;
    this.gateways = new SimulatedGateways(this.traffic, options.canary ?? GOOD, 7);
  }

  static openStores(): Promise<Stores> {
    return openStores({ log: silent });
  }

  static async open(stores: Stores, name: string, options: LabOptions = {}): Promise<Lab> {
    const { author = 'ada', createdBy = 'grace', state = 'approved', gate = 'G5' } = options;
    const policy = rolloutPolicySchema.parse({ ...POLICY, ...options.policy });
    await register(stores, name, '1', sha256(`${name} 1`), 'linus', 'production');
    await register(stores, name, '2', sha256(`${name} 2`), author, state);
    for (const one of GATES.slice(0, GATES.findIndex((one) => one === gate) + 1))
      await judge(stores, name, one);
    const rollout: Rollout = {
      id: `r-${name}`,
      model: name,
      stable: '1',
      canary: '2',
      canaryDigest: sha256(`${name} 2`),
      policy,
      salt: 'salt',
      phase: policy.aaRequests > 0 ? 'aa' : 'canary',
      share: policy.steps[0] as number,
      createdAt: Date.now(),
      createdBy,
      endedAt: null,
      waits: null,
    };
    await stores.rollouts.create(rollout, entry('rollout.create', `rollout/${rollout.id}`, null, null, 'test')); // prettier-ignore
    return new Lab(stores, rollout, await mkdtemp(join(tmpdir(), 'frontier-canary-')), options);
  }

  tools(change: Partial<Tools> = {}): Tools {
    const log = Object.create(silent, { error: { value: ({ err }: { err: unknown }) => this.onError(err) } }) as Logger; // prettier-ignore
    return {
      ...this.stores,
      traffic: this.traffic,
      source: () => this.gateways,
      git: { environments: this.environments, environment: 'prod' },
      slots: undefined,
      baseline: new Baseline({ url: undefined, bodies: '', samples: 10, folder: this.folder, log }),
      frozen: this.#options.frozen ?? (() => undefined),
      gatePolicy: () => Promise.resolve(GATE_POLICY),
      metrics: this.#metrics,
      log,
      ...change,
    };
  }

  /** Of a version of this model. */
  digest(version: string): string {
    return sha256(`${this.rollout.model} ${version}`);
  }

  /** Runs the rollout until it has ended and all is done, or `mayAct` is false. */
  run(mayAct = () => true, change: Partial<Tools> = {}): Promise<void> {
    const { signal } = this.#abort;
    const term: Term = { signal, mayAct: () => !signal.aborted && mayAct() };
    const run = RolloutRun.run(this.tools(change), this.rollout.id, term);
    this.#runs.push(run.catch(() => undefined));
    return run;
  }

  order(command: RolloutCommand, who = 'grace', why = 'told to'): Promise<void> {
    const event = { kind: 'command' as const, at: Date.now(), command, who, why };
    return this.stores.rollouts.order(this.rollout.id, event, entry('rollout.order', `rollout/${this.rollout.id}`, null, command, why)); // prettier-ignore
  }

  log(): Promise<RolloutLogEntry[]> {
    return this.stores.rollouts.log(this.rollout.id, 0, 1_000);
  }

  /** The last line of the log. */
  async last(): Promise<RolloutLogEntry | undefined> {
    return (await this.log()).at(-1);
  }

  /** The canary has passed a gate. */
  pass(gate: Gate): Promise<void> {
    return judge(this.stores, this.rollout.model, gate);
  }

  /** Waits until something is so. */
  async until(isSo: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stateOf(version: string): Promise<string | undefined> {
    return (await this.stores.registry.version(this.rollout.model, version))?.state;
  }

  /** What people are told that the rollout waits for. */
  async waits(): Promise<string | null | undefined> {
    return (await this.stores.rollouts.get(this.rollout.id))?.waits;
  }

  async rootCauses(): Promise<Record<string, unknown>[]> {
    const evidence = await this.stores.registry.evidence(this.rollout.model, '2');
    return evidence.filter(({ kind }) => kind === 'rca').map(({ report }) => report);
  }

  async audited(action: string): Promise<number> {
    const { items } = await this.stores.audit.list({ subject: `rollout/${this.rollout.id}` }, 100);
    return items.filter((item) => item.action === action).length;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#runs);
    await rm(this.folder, { recursive: true, force: true });
  }
}

const rule = { evidence: ['report'], owners: ['release-manager'] };
const GATE_POLICY = gatePolicySchema.parse({
  rubric: { weights: { quality: 1, safety: 0, performance: 0, cost: 0 }, pass: 0.5 },
  gates: Object.fromEntries(GATES.map((gate) => [gate, rule])),
  licences: ['MIT'],
  moves: [{ from: 'draft', to: 'staging' }],
});

async function judge({ registry }: Stores, model: string, gate: Gate): Promise<void> {
  const audit = { ...entry('gate.judge', `version/${model}@2`, null, null, 'test'), who: 'hedy' };
  await registry.judge({ model, version: '2', gate, passed: true, reason: 'good', evidence: [], role: 'release-manager', approver: 'hedy' }, audit); // prettier-ignore
}

const WAY: VersionState[] = ['draft', 'staging', 'approved', 'production'];

async function register(
  stores: Stores,
  model: string,
  version: string,
  digest: string,
  author: string,
  state: VersionState,
) {
  // prettier-ignore
  const record = newVersionSchema.parse({
    model,
    version,
    name: `${model}_${version}_20261121`,
    digest,
    lineage: { datasetHash: sha256('d'), commit: 'abcdef0', configurationHash: sha256('c'), environmentHash: sha256('e') }, // prettier-ignore
  });
  const audit = { ...entry('version.register', `version/${model}@${version}`, null, null, 'test'), who: author }; // prettier-ignore
  await stores.registry.register(record, audit);
  for (let i = 0; WAY[i] !== state; i += 1) {
    await stores.registry.move(model, version, WAY[i] as VersionState, WAY[i + 1] as VersionState, audit);
  }
}
