// The platform and a Prometheus with our rules, each a process of its own, on free ports and in a temporary folder.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Member } from '../chaos/member.mjs';
import { RedisServer } from '../chaos/redis-server.mjs';
import { isListening, freePort } from '../lib/ports.mjs';
import { node, root } from '../lib/run.mjs';
import { serviceSpecs } from '../lib/services.mjs';
import { RULES } from './rules.mjs';

/** Workers load no other: what others are asked for is parked, which the boards must show too. */
const LOADED = 'simple,tiny-gpt,text-direction';
const SCRAPE = '5s';

export class LiveStack {
  folder = mkdtempSync(join(tmpdir(), 'frontier-observability-'));
  ports;
  prometheus;
  #members = [];
  #redis;

  async start({ redis, prometheus }) {
    this.#redis = await RedisServer.start({ binary: redis, folder: this.folder, name: 'redis' });
    await this.#redis.client.config('SET', 'maxmemory', '256mb');
    const database = await freePort();
    await this.#add('database', [join(root, 'scripts/database.mjs'), `${database}`, join(this.folder, 'postgres')], {}, () => isListening(database)); // prettier-ignore
    this.ports = await freePorts();
    const databaseUrl = `postgres://postgres@127.0.0.1:${database}/postgres`;
    for (const { name, args, env } of this.#specs(databaseUrl)) {
      const ops = this.ports.metrics[name];
      await this.#add(
        name,
        args,
        env,
        async () => (await ask(`http://127.0.0.1:${ops}/readyz`)).ok || 'not ready',
      );
    }
    await this.#startPrometheus(prometheus);
  }

  /** Dispatcher and worker before the others: the readiness of each depends on the one before. */
  #specs(databaseUrl) {
    const order = ['dispatcher', 'worker', 'gateway', 'control', 'canary-controller'];
    const specs = serviceSpecs(this.ports, `redis://127.0.0.1:${this.#redis.port}`, databaseUrl);
    const own = { MODELS: LOADED, CONTROL_BOOTSTRAP_KEY_FILE: join(this.folder, 'admin.key') };
    return order.map((name) => specs.find((spec) => spec.name === name)).map((spec) => ({ ...spec, env: { ...spec.env, ...own } })); // prettier-ignore
  }

  async #startPrometheus(program) {
    const port = await freePort();
    const home = join(this.folder, 'prometheus');
    mkdirSync(home);
    const jobs = Object.entries(this.ports.metrics).map(([name, ops]) => ({
      job_name: `frontier-${name}`,
      static_configs: [{ targets: [`127.0.0.1:${ops}`] }],
    }));
    const config = {
      global: { scrape_interval: SCRAPE, evaluation_interval: SCRAPE },
      rule_files: [join(RULES, '*.yaml')],
      scrape_configs: jobs,
    };
    // JSON is YAML.
    writeFileSync(join(home, 'prometheus.yml'), JSON.stringify(config));
    this.prometheus = `http://127.0.0.1:${port}`;
    const args = [`--config.file=${join(home, 'prometheus.yml')}`, `--storage.tsdb.path=${join(home, 'data')}`, `--web.listen-address=127.0.0.1:${port}`]; // prettier-ignore
    await this.#add(
      'prometheus',
      args,
      {},
      async () => (await ask(`${this.prometheus}/-/ready`)).ok,
      program,
    );
  }

  async #add(name, args, env, isReady, command = node) {
    const log = join(this.folder, `${name}.log`);
    const member = new Member({ name, command, args, env, log, ipc: false, isReady });
    this.#members.unshift(member);
    await member.start();
  }

  async stop() {
    await Promise.all(this.#members.map((member) => member.stop('SIGKILL')));
    await this.#redis?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePorts() {
  const names = ['http', 'grpc', 'dispatch', 'control'];
  const services = ['gateway', 'dispatcher', 'worker', 'control', 'canary-controller'];
  const found = await Promise.all([...names, ...services].map(() => freePort()));
  const named = Object.fromEntries(names.map((name, i) => [name, found[i]]));
  return {
    ...named,
    metrics: Object.fromEntries(services.map((name, i) => [name, found[names.length + i]])),
  };
}

const ask = (url) => fetch(url, { signal: AbortSignal.timeout(2_000) });
