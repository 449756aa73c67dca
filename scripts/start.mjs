// `npm start`: the whole of Frontier on this machine, under one supervisor.
import { say } from './lib/console.mjs';
import { databaseProcess, untilDatabaseAnswers } from './lib/database-process.mjs';
import { examples } from './lib/examples.mjs';
import { lock } from './lib/lock.mjs';
import { Managed } from './lib/managed.mjs';
import { checkPorts, readPorts } from './lib/ports.mjs';
import { redisProcess, untilRedisAnswers } from './lib/redis-process.mjs';
import { Problem, report } from './lib/run.mjs';
import { serviceSpecs, untilReady } from './lib/services.mjs';
import { build, setUp } from './setup.mjs';

const HELP = `npm start: installs what is missing, builds, and runs gateway, dispatcher, CPU worker, control service,
canary controller, Redis and a database.

Ctrl-C stops everything in order. Settings are environment variables (docs/configuration.md has all of them):

  HTTP_PORT          8080   the gateway's HTTP API
  GRPC_PORT          50051  the gateway's gRPC API
  DISPATCH_PORT      50052  the dispatcher, for workers and gateways
  CONTROL_PORT       8081   the admin API
  METRICS_PORT       9464   /metrics, /healthz, /readyz of the gateway; dispatcher + 1, worker + 2, control + 3,
                            canary controller + 4
  REDIS_URL                 a Redis of your own instead of the one that is started here
  DATABASE_URL              a PostgreSQL of your own instead of the embedded database
  MODEL_REPOSITORY   models folders with models, separated by commas
  LOG_LEVEL          info   trace, debug, info, warn, error
  NO_COLOR                  no colours

Data lies in .frontier/redis and .frontier/postgres: delete both, while nothing runs, to begin anew. The key of the
first administrator is in .frontier/admin.key.`;

const ECHO_MS = 500;

/** npm that was killed tells nobody; its script only gets another parent. */
function stopWithNpm(stop) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, 1_000);
}

class Stack {
  /** In the order in which they are stopped. */
  #children = [];
  #stopping = false;
  #lastSignalAt = 0;

  async run() {
    const startedAt = Date.now();
    const ports = readPorts();
    await lock();
    await checkPorts(ports);
    const provided = await setUp();
    await build();
    // Again: the first start takes a minute until here.
    await checkPorts(ports);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => this.#onSignal(signal));
    stopWithNpm(() => this.#onSignal('SIGTERM'));
    const url = provided.url ?? (await this.#startRedis(provided));
    if (this.#stopping) return;
    const databaseUrl = process.env.DATABASE_URL || (await this.#startDatabase());
    if (this.#stopping) return;
    const services = serviceSpecs(ports, url, databaseUrl).map((spec) => this.#manage(spec));
    this.#children.unshift(...services);
    for (const service of services) service.start();
    await untilReady(ports);
    if (this.#stopping) return;
    const seconds = (Date.now() - startedAt) / 1000;
    say(`ready after ${seconds.toFixed(1)} s. Paste one of these into another terminal:`);
    // Without the prefix, which would be pasted too.
    console.log(`\n${examples(ports)}\n`);
    say('Ctrl-C stops everything');
  }

  async #startDatabase() {
    const database = await databaseProcess();
    const child = this.#manage(database.spec);
    this.#children.push(child);
    child.start();
    await untilDatabaseAnswers(database);
    say(`database at ${database.url}, data in .frontier/postgres`);
    return database.url;
  }

  #manage(spec) {
    return new Managed(spec, (message) => void this.fail(new Problem(message)));
  }

  async #startRedis(provided) {
    const redis = await redisProcess(provided);
    const child = this.#manage(redis.spec);
    this.#children.push(child);
    child.start();
    await untilRedisAnswers(redis, child.pid);
    say(`Redis at ${redis.url}, data in .frontier/redis`);
    return redis.url;
  }

  #onSignal(signal) {
    // One Ctrl-C may come twice: from the terminal and, at the same moment, from npm.
    const isEcho = Date.now() - this.#lastSignalAt < ECHO_MS;
    this.#lastSignalAt = Date.now();
    if (isEcho) return;
    if (this.#stopping) {
      say('stopping at once');
      for (const child of this.#children) child.kill();
      process.exit(1);
    }
    if (signal === 'SIGINT') process.stdout.write('\n');
    void this.stop().then(() => process.exit(0));
  }

  async stop() {
    this.#stopping = true;
    if (this.#children.length === 0) return;
    say('stopping (once more: at once)');
    for (const child of this.#children) await child.stop();
    say('stopped');
  }

  async fail(error) {
    if (this.#stopping) return;
    await this.stop();
    report(error);
  }
}

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(HELP);
} else {
  const stack = new Stack();
  stack.run().catch((error) => stack.fail(error));
}
