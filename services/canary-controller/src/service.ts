import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import type { Rollout } from '@frontier/contracts/rollout';
import { openStores, type Stores } from '@frontier/database/stores';
import { Promotions } from '@frontier/git/promotions';
import { sleep } from '@frontier/kit/abort';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import { connect, disconnect, whenReady, type RedisClient } from '@frontier/redis/connection';
import { ExperimentStore } from '@frontier/redis/experiments';
import { TrafficStore } from '@frontier/redis/traffic';
import { Kubernetes } from './argo/kubernetes.ts';
import { ArgoGate } from './argo/slot-gate.ts';
import { Smoke } from './argo/smoke.ts';
import { Baseline } from './baseline.ts';
import { isFinished } from './chores.ts';
import type { Config } from './config.ts';
import { ExperimentEnds } from './experiments.ts';
import { freezeOf } from './freeze.ts';
import { Leader, type Term } from './leader.ts';
import { controllerMetrics } from './metrics.ts';
import { SELF, type Tools } from './ports.ts';
import { readGatePolicy } from './promotion-gate.ts';
import { Restorer } from './restore.ts';
import { RolloutRun } from './rollout-run.ts';
import { DirectSource } from './sources/direct.ts';
import { PrometheusSource } from './sources/prometheus.ts';

const LOOK_MS = 500;
const PAGE = 100;
/** Ended rollouts whose end may not be done yet: as many as can have ended while nobody was leading. */
const RECENT = 100;
/** For Redis and the database: an installation starts everything at once. */
const START_WAIT_MS = 60_000;

/** Runs every rollout while it leads; otherwise it waits to take over. */
export class CanaryController implements Service {
  readonly #tools: Tools;
  readonly #log: Logger;
  readonly #leader: Leader;
  readonly #experiments: ExperimentEnds;
  readonly #stop = new AbortController();
  readonly #close: () => Promise<void>;
  /** By model: of one model one rollout at a time, the oldest first. */
  readonly #runs = new Map<string, Promise<void>>();
  #work: Promise<void> | undefined;

  constructor(
    tools: Tools,
    experiments: ExperimentEnds,
    stores: Pick<Stores, 'leases'>,
    leaseMs: number,
    close: () => Promise<void>,
  ) {
    this.#tools = tools;
    this.#experiments = experiments;
    this.#log = tools.log;
    this.#close = close;
    this.#leader = new Leader({
      leases: stores.leases,
      name: SELF,
      holder: `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`,
      forMs: leaseMs,
      log: tools.log,
      lead: (term) => this.#lead(term),
    });
  }

  async start(): Promise<void> {
    this.#work = this.#leader.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
    await this.#close();
  }

  ready(): true | string {
    return true;
  }

  async #lead(term: Term): Promise<void> {
    this.#tools.metrics.leading.set(1);
    /** What runs, and what ended while nobody was there to see to its end. */
    const open = new Map<string, Rollout>();
    let looked = false;
    const restorer = new Restorer(this.#tools, open, term.mayAct);
    while (term.mayAct()) {
      try {
        const found = [...(await this.#running()), ...(looked ? [] : await this.#unfinished())];
        looked = true;
        for (const rollout of found) open.set(rollout.id, rollout);
        const oldestFirst = [...open.values()].sort((a, b) => a.createdAt - b.createdAt);
        for (const rollout of oldestFirst) this.#begin(rollout, open, term);
        restorer.look();
      } catch (error) {
        this.#log.error({ err: error }, 'the rollouts could not be read; tried again');
      }
      await this.#experiments.look(term.mayAct);
      await sleep(LOOK_MS, term.signal);
    }
    await Promise.all([...this.#runs.values(), restorer.idle()]);
    this.#tools.metrics.leading.set(0);
  }

  #begin({ model, id }: Rollout, open: Map<string, Rollout>, term: Term): void {
    if (this.#runs.has(model)) return;
    const run = RolloutRun.run(this.#tools, id, term)
      .then(() => void open.delete(id))
      .catch(async (error: unknown) => {
        this.#log.error({ rollout: id, err: error }, 'a rollout broke off; it is taken up again');
        await sleep(LOOK_MS, term.signal);
      })
      .finally(() => this.#runs.delete(model));
    this.#runs.set(model, run);
  }

  async #running(): Promise<Rollout[]> {
    const found: Rollout[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#tools.rollouts.list({ running: true }, PAGE, cursor);
      found.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    return found;
  }

  async #unfinished(): Promise<Rollout[]> {
    const { items } = await this.#tools.rollouts.list({ running: false }, RECENT);
    const open = await Promise.all(items.map(async (one) => ((await isFinished(this.#tools.audit, one.id)) ? [] : [one]))); // prettier-ignore
    return open.flat();
  }
}

/** Throws when the database (UNAVAILABLE) or Redis cannot be reached for a minute. */
export async function createCanaryController(
  config: Config,
  { log, registry, signal }: ServiceContext,
): Promise<CanaryController> {
  const redis = connect({ url: config.redisUrl, name: SELF, log });
  await whenReady(redis, START_WAIT_MS, signal);
  const stores = await openStores({ url: config.databaseUrl, log, waitMs: START_WAIT_MS, signal });
  const git = gitOf(config, log);
  const tools: Tools = {
    ...stores,
    traffic: new TrafficStore(redis),
    source: sourceOf(config),
    git,
    slots: slotsOf(config, git),
    baseline: new Baseline({
      url: config.canaryBaselineUrl,
      bodies: config.canaryBaselineBodies,
      samples: config.canaryBaselineSamples,
      folder: config.canaryReports,
      log,
    }),
    frozen: freezeOf({ always: config.canaryFreeze, windows: config.canaryFreezeWindows, now: Date.now }),
    gatePolicy: () => readGatePolicy(config.governanceFolder),
    metrics: controllerMetrics(registry),
    log,
  };
  const experiments = new ExperimentStore({ redisUrl: config.redisUrl, log });
  await experiments.start();
  const ends = new ExperimentEnds({ ...tools, experiments });
  return new CanaryController(tools, ends, stores, config.canaryLeaseMs, async () => {
    await experiments.stop();
    await closeAll(stores, redis);
  });
}

async function closeAll(stores: Stores, redis: RedisClient): Promise<void> {
  await disconnect(redis);
  await stores.close();
}

function sourceOf({
  prometheusUrl: url,
  canaryTargets: targets,
  canarySourceTimeoutMs: timeoutMs,
}: Config): Tools['source'] {
  // prettier-ignore
  if (url !== undefined) return (staleMs) => new PrometheusSource({ url, timeoutMs, staleMs });
  const direct = new DirectSource({ targets, timeoutMs });
  return () => direct;
}

function gitOf(config: Config, log: Logger): Tools['git'] {
  const { gitUrl: url, gitUsername: username, gitPasswordFile, gitSshKeyFile, gitKnownHostsFile } = config;
  if (url === undefined) return undefined;
  const http = username !== undefined && gitPasswordFile !== undefined ? { username, passwordFile: gitPasswordFile } : undefined; // prettier-ignore
  const ssh = gitSshKeyFile !== undefined && gitKnownHostsFile !== undefined ? { keyFile: gitSshKeyFile, knownHostsFile: gitKnownHostsFile } : undefined; // prettier-ignore
  const environments = new Promotions({
    remote: { url, http, ssh },
    branch: config.gitBranch,
    folder: resolve(config.gitFolder),
    author: { name: 'Frontier canary controller', email: 'canary-controller@localhost' },
    timeoutMs: config.gitTimeoutMs,
    environments: config.gitEnvironments,
    log,
  });
  return { environments, environment: config.gitEnvironment };
}

function slotsOf(config: Config, git: Tools['git']): Tools['slots'] {
  const { argocdApplication: application, argocdNamespace: namespace, canaryBaselineUrl: url } = config;
  if (application === undefined) return undefined;
  if (!git) throw new AppError('INVALID_INPUT', 'ARGOCD_APPLICATION needs GIT_URL: there is no commit to wait for'); // prettier-ignore
  return new ArgoGate({
    ...git,
    kubernetes: new Kubernetes({ url: config.kubernetesUrl, account: config.kubernetesAccount }),
    namespace,
    application,
    smoke: url === undefined ? undefined : new Smoke({ url, bodies: config.canaryBaselineBodies }),
  });
}
