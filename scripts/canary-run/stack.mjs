// The platform of an experiment: Redis, database, dispatcher, worker, gateways, controller and Prometheus, each a
// process of its own, with its data in a temporary folder.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Member } from '../chaos/member.mjs';
import { RedisServer } from '../chaos/redis-server.mjs';
import { freePort } from '../lib/ports.mjs';
import { node, root } from '../lib/run.mjs';
import { runtimeOf } from '../lib/services.mjs';
import { startPrometheus } from './prometheus.mjs';

const require = createRequire(import.meta.url);
const { openStores } = require(join(root, 'libs/database/dist/stores.js'));
const { TrafficStore } = require(join(root, 'libs/redis/dist/traffic.js'));
const { createLogger } = require(join(root, 'libs/kit/dist/logger.js'));

const GATEWAYS = 2;
const ENVIRONMENT = 'prod';

export class Stack {
  folder = mkdtempSync(join(tmpdir(), 'frontier-canary-run-'));
  models = join(this.folder, 'models');
  reports = join(this.folder, 'reports');
  /** `{http, grpc, ops}` of each gateway. */
  gateways = [];
  stores;
  traffic;
  controller;
  git = join(this.folder, 'environments.git');
  #members = [];
  #redis;

  /** `prometheus`: the program, or undefined for direct scraping. */
  async start({ redis, prometheus }) {
    mkdirSync(this.models, { recursive: true });
    this.#initGit();
    this.#redis = await RedisServer.start({ binary: redis, folder: this.folder, name: 'redis' });
    const databasePort = await freePort();
    const databaseUrl = `postgres://postgres@127.0.0.1:${databasePort}/postgres`;
    const log = createLogger({ service: 'canary-run', level: 'silent' });
    await this.#add(
      'database',
      {},
      [join(root, 'scripts/database.mjs'), `${databasePort}`, join(this.folder, 'postgres')],
      async () => {
        this.stores ??= await openStores({ url: databaseUrl, log });
        return true;
      },
    );
    this.traffic = new TrafficStore(this.#redis.client);
    await this.#startServices();
    const targets = this.gateways.map(({ ops }) => ops);
    const seen = prometheus && (await startPrometheus(prometheus, this.folder, targets));
    if (seen) this.#members.push(seen.member);
    const source = seen
      ? { PROMETHEUS_URL: seen.url }
      : { CANARY_TARGETS: targets.map((port) => `127.0.0.1:${port}`).join(',') };
    this.controller = await this.#service('canary-controller', await freePort(), {
      ...source,
      REDIS_URL: this.#redisUrl,
      DATABASE_URL: databaseUrl,
      CANARY_LEASE_MS: 1_500,
      CANARY_REPORTS: this.reports,
      GIT_URL: this.git,
      GIT_ENVIRONMENTS: ENVIRONMENT,
      GIT_ENVIRONMENT: ENVIRONMENT,
      GIT_FOLDER: join(this.folder, 'git'),
    });
  }

  get #redisUrl() {
    return `redis://127.0.0.1:${this.#redis.port}`;
  }

  async #startServices() {
    const dispatch = await freePort();
    const common = {
      REDIS_URL: this.#redisUrl,
      DISPATCHERS: `127.0.0.1:${dispatch}`,
      MODEL_REPOSITORY: this.models,
      MODEL_POLL_MS: 250,
      POOLS: 'cpu',
      HOST: '127.0.0.1',
      DISPATCH_HOST: '127.0.0.1',
    };
    await this.#service('dispatcher', await freePort(), { ...common, DISPATCH_PORT: dispatch });
    await this.#service('worker', await freePort(), { ...common, POOL: 'cpu' });
    for (let i = 0; i < GATEWAYS; i += 1) {
      const [http, grpc, ops] = await Promise.all([freePort(), freePort(), freePort()]);
      this.gateways.push({ http, grpc, ops });
      await this.#service('gateway', ops, { ...common, HTTP_PORT: http, GRPC_PORT: grpc, LOG_LEVEL: 'warn' }, `gateway-${i}`); // prettier-ignore
    }
  }

  #service(kind, ops, env, name = kind) {
    const { args, env: runtime } = runtimeOf[kind] ?? { args: [], env: {} };
    const variables = { ...runtime, METRICS_HOST: '127.0.0.1', METRICS_PORT: ops, ...env };
    const command = [...args, join(root, `services/${kind}/dist/main.js`)];
    return this.#add(name, variables, command, async () => {
      const answer = await fetch(`http://127.0.0.1:${ops}/readyz`, { signal: AbortSignal.timeout(1_000) });
      return answer.ok || (await answer.text());
    });
  }

  async #add(name, env, command, isReady) {
    const member = new Member({
      name,
      command: node,
      args: [command].flat(),
      env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, `${value}`])),
      log: this.logOf(name),
      ipc: true,
      isReady,
    });
    this.#members.push(member);
    await member.start();
    return member;
  }

  logOf(name) {
    return join(this.folder, `${name}.log`);
  }

  /** The lines of the controller's log with this message. */
  told(message) {
    return readFileSync(this.logOf('canary-controller'), 'utf8')
      .split('\n')
      .flatMap((line) => (line.includes(`"msg":"${message}"`) ? [JSON.parse(line)] : []));
  }

  /** The commits of the environments' repository, the oldest first. */
  commits() {
    const format = '%s | %(trailers:key=Decision-Id,valueonly,separator=) | %(trailers:key=Approved-by,valueonly,separator=)'; // prettier-ignore
    return this.#git('log', '--reverse', `--format=${format}`, 'main').trim().split('\n').slice(1);
  }

  #initGit() {
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.git]);
    const tree = this.#git('hash-object', '-t', 'tree', '-w', '/dev/null').trim();
    const who = ['-c', 'user.name=canary-run', '-c', 'user.email=canary-run@localhost'];
    const commit = this.#git(...who, 'commit-tree', tree, '-m', 'an empty repository').trim();
    this.#git('update-ref', 'refs/heads/main', commit);
  }

  #git(...args) {
    return execFileSync('git', ['--git-dir', this.git, ...args], { encoding: 'utf8' });
  }

  async stop({ keep = false } = {}) {
    await this.stores?.close().catch(() => undefined);
    await Promise.all(this.#members.map((member) => member.stop('SIGKILL')));
    await this.#redis?.stop();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
