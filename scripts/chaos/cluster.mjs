// The platform as it is deployed, on this machine: every part a process of its own, on free loopback ports, with its
// data and logs in a temporary folder.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../lib/ports.mjs';
import { node, root } from '../lib/run.mjs';
import { runtimeOf } from '../lib/services.mjs';
import { Member } from './member.mjs';
import { RedisServer } from './redis-server.mjs';
import { ToxicProxy } from './toxic-proxy.mjs';

const KINDS = ['dispatcher', 'worker', 'gateway'];
/** The log of what workers have executed; its name may hold no `;`. */
const EXECUTED = 'executed.log';

export class Cluster {
  folder = mkdtempSync(join(tmpdir(), 'frontier-chaos-'));
  redis;
  /** Stand-bys of the primary. */
  replicas = [];
  /** Between the services and Redis, where a scenario asked for it. */
  proxy;
  /** `name → {member, kind, http}` */
  services = new Map();
  #options;

  /**
   * `{binary, gateways, dispatchers, workers, replicas, proxied, env, models, nodeArgs,
   * modelFolder}`: counts of processes, whether
   * Redis is reached through a proxy, variables of all services, what workers load (`simple`), flags of Node, and what
   * makes models in a folder that is used instead of the usual one.
  
   */
  constructor(options) {
    this.#options = { gateways: 2, dispatchers: 2, workers: 2, replicas: 0, proxied: false, env: {}, models: 'simple', nodeArgs: [], ...options }; // prettier-ignore
  }

  get executedLog() {
    return join(this.folder, EXECUTED);
  }

  /** The stand-by takes over after the primary is gone; the old primary becomes its stand-by once it is back. */
  async failOver() {
    const [next] = this.replicas;
    const old = this.redis;
    await next.promote();
    this.redis = next;
    this.replicas = [old];
    this.proxy.retarget(next.port);
    this.proxy.killAll();
    await old.follow(next.port);
  }

  /** Processes that were killed so far. */
  get kills() {
    return this.#all.reduce((sum, { kills }) => sum + kills, 0);
  }

  /** `[name, times]` of those that crashed by themselves. */
  get crashes() {
    return this.#all.filter(({ crashes }) => crashes > 0).map(({ name, crashes }) => [name, crashes]);
  }

  get #all() {
    return [...this.services.values(), this.redis, ...this.replicas].map(({ member }) => member);
  }

  async start() {
    const { binary, replicas, proxied } = this.#options;
    const { folder } = this;
    this.redis = await RedisServer.start({ binary, folder, name: 'redis' });
    for (let i = 0; i < replicas; i += 1) {
      this.replicas.push(
        await RedisServer.start({ binary, folder, name: `replica-${i}`, replicaOf: this.redis.port }),
      );
    }
    if (proxied) {
      this.proxy = new ToxicProxy(this.redis.port);
      await this.proxy.start();
    }
    await this.#addServices();
    await Promise.all([...this.services.values()].map(({ member }) => member.start()));
  }

  async #addServices() {
    const { gateways, dispatchers, workers, models } = this.#options;
    const counts = { dispatcher: dispatchers, worker: workers, gateway: gateways };
    const dispatchPorts = await Promise.all(Array.from({ length: dispatchers }, () => freePort()));
    const common = this.#commonEnv(dispatchPorts);
    for (const kind of KINDS) {
      for (let i = 0; i < counts[kind]; i += 1) {
        const [ops, http, grpc] = await Promise.all([freePort(), freePort(), freePort()]);
        const own = {
          dispatcher: { DISPATCH_PORT: dispatchPorts[i] },
          worker: { POOL: 'cpu', MODELS: models },
          gateway: { HTTP_PORT: http, GRPC_PORT: grpc },
        }[kind];
        this.#add({ kind, index: i, ops, http, env: { ...common, ...own } });
      }
    }
  }

  #commonEnv(dispatchPorts) {
    const cache = join(this.folder, 'compiled');
    mkdirSync(cache, { recursive: true });
    return {
      REDIS_URL: `redis://127.0.0.1:${this.proxy?.port ?? this.redis.port}`,
      DISPATCHERS: dispatchPorts.map((port) => `127.0.0.1:${port}`).join(','),
      MODEL_REPOSITORY: this.#modelFolders(),
      POOLS: 'cpu',
      HOST: '127.0.0.1',
      DISPATCH_HOST: '127.0.0.1',
      METRICS_HOST: '127.0.0.1',
      TRUST_TENANT_HEADER: 'true',
      // Restarts are what these experiments spend their time on.
      NODE_COMPILE_CACHE: cache,
      REDIS_REPLICAS: this.#options.replicas,
      ...this.#options.env,
    };
  }

  #modelFolders() {
    const { modelFolder } = this.#options;
    if (!modelFolder) return join(root, 'models');
    const folder = join(this.folder, 'models');
    modelFolder(folder);
    return folder;
  }

  #add({ kind, index, ops, http, env }) {
    const name = `${kind}-${index}`;
    const ledger = kind === 'worker' ? { FAILPOINTS: this.failpoints(kind) } : {};
    const clock = this.clockFile(name);
    const variables = { ...runtimeOf[kind].env, METRICS_PORT: ops, CHAOS_CLOCK: clock, ...env, ...ledger };
    const member = new Member({
      name,
      command: node,
      args: [...runtimeOf[kind].args, ...this.#options.nodeArgs, join(root, `services/${kind}/dist/main.js`)],
      env: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, `${value}`])),
      log: join(this.folder, `${name}.log`),
      ipc: true,
      isReady: async () => {
        const answer = await fetch(`http://127.0.0.1:${ops}/readyz`, { signal: AbortSignal.timeout(1_000) });
        return answer.ok || (await answer.text());
      },
    });
    this.services.set(name, { member, kind, http, ops });
  }

  /** The text of FAILPOINTS with what the ledger needs put in front: workers tell what they have executed. */
  failpoints(kind, text = '') {
    return kind === 'worker' ? `worker.execute.after=log:${this.executedLog};${text}` : text;
  }

  member(name) {
    return this.services.get(name).member;
  }

  /** Members of the services of these kinds. */
  members(...kinds) {
    return [...this.services.values()].filter(({ kind }) => kinds.includes(kind)).map(({ member }) => member);
  }

  /** Where a member with the preload `shifted-clock.cjs` reads by how much its clock is wrong. */
  clockFile(name) {
    return join(this.folder, `${name}.clock`);
  }

  /** HTTP ports of all gateways. */
  get gateways() {
    return [...this.services.values()].filter(({ kind }) => kind === 'gateway').map(({ http }) => http);
  }

  /** All services run and are ready. */
  async untilReady() {
    await Promise.all([...this.services.values()].map(({ member }) => member.untilReady()));
  }

  /** Ends one service and starts it again with these failpoints. */
  async restartWith(name, failpoints) {
    const { member, kind } = this.services.get(name);
    await member.stop();
    member.env = { FAILPOINTS: this.failpoints(kind, failpoints) };
    await member.start();
  }

  /** Ends everything, whatever state it is in, and removes the folder unless it is to be looked at. */
  async stop({ keep = false } = {}) {
    const members = [...this.services.values()].map(({ member }) => member);
    await Promise.all(members.map((member) => member.stop('SIGKILL')));
    await this.proxy?.stop();
    await Promise.all([this.redis, ...this.replicas].map((server) => server?.stop()));
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
