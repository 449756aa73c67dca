// The platform as it is deployed, on this machine: Redis, gateway, dispatcher and CPU worker, each a process of its
// own, with metrics, logs (into files) and spans on. Nothing of it is shared with a stack that already runs.
import { runtimeOf } from '../lib/services.mjs';
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRedis, freePort } from '../lib/ports.mjs';
import { node, Problem, root, sleep } from '../lib/run.mjs';
import { Child } from './child.mjs';
import { usageOf } from './processes.mjs';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
// The bounds of production are lower than what a closed loop of a benchmark holds in flight.
const QUEUES = { standard: { bound: 20_000 } };

export class Stack {
  processes = {};
  ports = {};
  folder = mkdtempSync(join(tmpdir(), 'frontier-bench-'));
  #children = {};
  #sink;
  #profile;

  /** `profile`: a folder for the services' CPU profiles, written when they stop. */
  constructor(profile) {
    this.#profile = profile;
  }

  async start(redis) {
    const names = ['redis', 'http', 'grpc', 'dispatch', 'gatewayOps', 'dispatcherOps', 'workerOps'];
    for (const name of names) this.ports[name] = await freePort();
    const { ports } = this;
    const redisUrl = redis.url ?? (await this.#startRedis(redis.binary));
    this.#sink = new Child(new URL('./otlp-sink.mjs', import.meta.url));
    const { port } = await this.#sink.next('listening');
    this.processes.collector = this.#sink.pid;
    const common = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      TRACE_SAMPLE_RATIO: '0.1',
      REDIS_URL: redisUrl,
      QUEUES: JSON.stringify(QUEUES),
      DISPATCHERS: `127.0.0.1:${ports.dispatch}`,
      MODEL_REPOSITORY: join(root, 'models'),
      POOLS: 'cpu',
      METRICS_HOST: '127.0.0.1',
    };
    this.#startService('dispatcher', {
      ...common,
      DISPATCH_PORT: ports.dispatch,
      METRICS_PORT: ports.dispatcherOps,
    });
    this.#startService('worker', { ...common, POOL: 'cpu', METRICS_PORT: ports.workerOps });
    this.#startService('gateway', {
      ...common,
      HTTP_PORT: ports.http,
      GRPC_PORT: ports.grpc,
      METRICS_PORT: ports.gatewayOps,
    });
    for (const ops of ['dispatcherOps', 'workerOps', 'gatewayOps']) await this.#untilReady(ops);
  }

  /** `{name: {cpuS, rssMb}}` of every process. */
  usage() {
    return Object.fromEntries(Object.entries(this.processes).map(([name, pid]) => [name, usageOf(pid)]));
  }

  /** Resident memory of the platform's own processes and in all, MB. */
  memory() {
    const own = Object.entries(this.usage()).filter(([name]) => name !== 'collector');
    const memory = Object.fromEntries(own.map(([name, usage]) => [name, usage?.rssMb]));
    return { ...memory, total: Object.values(memory).reduce((sum, mb) => sum + mb, 0) };
  }

  async stop() {
    // Callers first, so that nobody logs the loss of what it needs.
    for (const name of ['gateway', 'worker', 'dispatcher', 'redis']) await this.#stopProcess(name);
    this.#sink?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The end of a service's log, for a failure's message. */
  logTail(name) {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-15)
      .join('\n');
  }

  async #startRedis(binary) {
    if (!binary) throw new Problem('The benchmark needs a redis-server program, or REDIS_URL.');
    const { redis: port } = this.ports;
    const durable = [
      '--appendonly',
      'yes',
      '--appendfsync',
      'everysec',
      '--maxmemory-policy',
      'noeviction',
      '--save',
      '',
    ];
    this.#spawn('redis', binary, [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      this.folder,
      ...durable,
    ]);
    await this.#until('redis', async () => (await askRedis(port, 'PING'))?.startsWith('+PONG'));
    return `redis://127.0.0.1:${port}`;
  }

  #startService(name, env) {
    const profile = this.#profile ? ['--cpu-prof', `--cpu-prof-dir=${join(this.#profile, name)}`] : [];
    const { args, env: runtime } = runtimeOf[name];
    const command = [...args, ...profile, join(root, `services/${name}/dist/main.js`)];
    this.#spawn(name, node, command, { ...runtime, ...env });
  }

  #spawn(name, command, args, env = {}) {
    const log = openSync(join(this.folder, `${name}.log`), 'w');
    const variables = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, `${value}`]));
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...variables },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.on('error', () => {});
    this.#children[name] = child;
    this.processes[name] = child.pid;
  }

  async #untilReady(ops) {
    const name = ops.replace('Ops', '');
    await this.#until(name, async () => {
      const answer = await fetch(`http://127.0.0.1:${this.ports[ops]}/readyz`).catch(() => undefined);
      return answer?.ok || (await answer?.text());
    });
  }

  /** Waits until `isReady` gives true; else it gives a reason. */
  async #until(name, isReady) {
    const end = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const answer = await isReady();
      if (answer === true) return;
      if (this.#children[name].exitCode !== null || Date.now() > end) {
        throw new Problem(`${name} is not ready: ${answer}. The end of its log:\n${this.logTail(name)}`);
      }
      await sleep(50);
    }
  }

  async #stopProcess(name) {
    const child = this.#children[name];
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(hard);
  }
}
