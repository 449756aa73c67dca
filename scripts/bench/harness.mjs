// What scenarios are written with: offer a load, read a metric, run the bare reference.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';
import { Child } from './child.mjs';
import { round } from './load.mjs';
import { busySeconds } from './processes.mjs';
import { scrape, total } from './prometheus.mjs';

const require = createRequire(import.meta.url);

const REFERENCE = new URL('./reference.mjs', import.meta.url);
const STAGES = ['admission', 'queue', 'forming', 'transport', 'compute', 'reply'];

export class Harness {
  rows = [];
  #stack;
  #times;
  #generator = new Child(new URL('./generator.mjs', import.meta.url));
  #onRow;

  /** `times`: `{warmupMs, durationMs, referenceMs, rounds}`. `onRow` is called with each finished row. */
  constructor(stack, times, onRow) {
    this.#stack = stack;
    this.#times = times;
    this.#onRow = onRow;
  }

  get rounds() {
    return this.#times.rounds;
  }

  /** Offers a load (for `longer` times the usual window) and measures generator, answers and every process of the stack over the same window. */
  async load(job) {
    const { warmupMs, durationMs } = this.#times;
    const times = { warmupMs, durationMs: durationMs * (job.longer ?? 1) };
    const edges = [];
    const result = await this.#generator.run(
      { ...job, target: this.#target(job.protocol), load: { ...times, ...job.load } },
      () => edges.push({ busyS: busySeconds(), at: performance.now(), usage: this.#stack.usage() }),
    );
    return { ...result, ...costs(edges, result) };
  }

  #target(protocol) {
    return { host: '127.0.0.1', port: this.#stack.ports[protocol === 'grpc' ? 'grpc' : 'http'] };
  }

  /** Offers a load of one model and reads, besides, the mean size of its batches and where the time went. */
  async loadModel(model, job) {
    const before = await this.#scrape(model);
    const result = await this.load(job);
    const after = await this.#scrape(model);
    const mean = (name) => (after[name].sum - before[name].sum) / (after[name].count - before[name].count);
    const stagesMs = Object.fromEntries(STAGES.map((stage) => [stage, round(mean(stage) * 1000)]));
    return { ...result, meanBatch: round(mean('batch')), stagesMs };
  }

  async #scrape(model) {
    const { gatewayOps, dispatcherOps } = this.#stack.ports;
    const [gateway, dispatcher] = await Promise.all([scrape(gatewayOps), scrape(dispatcherOps)]);
    const histogram = (samples, name, labels) => ({
      sum: total(samples, `${name}_sum`, labels),
      count: total(samples, `${name}_count`, labels),
    });
    const stages = STAGES.map((stage) => [stage, histogram(gateway, 'request_stage_seconds', { stage })]);
    return { batch: histogram(dispatcher, 'batch_size', { model }), ...Object.fromEntries(stages) };
  }

  /** Answers a second, and CPU of one, of a bare Node server under the same load of `simple`. */
  async bareHttp({ workload, load }) {
    const server = new Child(new URL('./bare-http.mjs', import.meta.url));
    try {
      const { port } = await server.next('listening');
      const job = { protocol: 'http', workload, target: { host: '127.0.0.1', port } };
      const times = { warmupMs: this.#times.warmupMs, durationMs: this.#times.referenceMs };
      let cpu = Promise.resolve();
      const result = await this.#generator.run({ ...job, load: { ...times, ...load } }, () => {
        cpu = server.run({});
      });
      const { cpuS } = await cpu;
      return { rate: result.rate, cpuUs: Math.round((cpuS * 1e6) / Math.max(1, result.completed)) };
    } finally {
      server.stop();
    }
  }

  /** Rows a second of bare ONNX Runtime with the threads of the model's own model.yaml, `rows` in each run. */
  async reference(model, rows) {
    const { artifact, instances, threads } = await openModel(model);
    const reference = new Child(REFERENCE);
    try {
      const job = {
        file: artifact,
        instances,
        threads,
        feed: model,
        rows,
        durationMs: this.#times.referenceMs,
      };
      return (await reference.run(job)).rowsPerS;
    } finally {
      reference.stop();
    }
  }

  /** What the model itself answers to these floats. */
  async answers(model, { input, output, data, shape }) {
    const reference = new Child(REFERENCE);
    try {
      const { artifact } = await openModel(model);
      return await reference.run({ file: artifact, input, output, data, shape });
    } finally {
      reference.stop();
    }
  }

  /** Adds a row to the table. `goals`: `{column: [atMost | atLeast, bound]}`, checked here. */
  add(row) {
    const goals = Object.entries(row.goals ?? {}).map(([column, [kind, bound]]) => {
      const value = row[column];
      return { column, [kind]: bound, met: kind === 'atMost' ? value <= bound : value >= bound };
    });
    this.rows.push({ ...row, goals });
    this.#onRow(this.rows.at(-1));
  }

  stop() {
    this.#generator.stop();
  }
}

/** Microseconds of CPU a request of each process, and the share of the machine that somebody else used. */
function costs([from, to], { completed, tokens, generatorCpuS }) {
  const count = Math.max(1, completed ?? tokens);
  const cpuUs = { generator: Math.round((generatorCpuS * 1e6) / count) };
  let ours = generatorCpuS;
  for (const [name, usage] of Object.entries(to.usage)) {
    if (!usage || !from.usage[name]) continue;
    const seconds = usage.cpuS - from.usage[name].cpuS;
    ours += seconds;
    cpuUs[name] = Math.round((seconds * 1e6) / count);
  }
  if (to.busyS === undefined) return { cpuUs };
  const windowS = (to.at - from.at) / 1000;
  return {
    cpuUs,
    foreignCores: Math.max(0, Math.round(((to.busyS - from.busyS - ours) / windowS) * 100) / 100),
  };
}

/** A model that ships: the file of its graph, and how its model.yaml says that it is run. */
async function openModel(name) {
  const { openRepository } = require(join(root, 'libs/model-store/dist/repository.js'));
  const { models } = await openRepository([join(root, 'models')]);
  const { artifact, spec } = models.find((model) => model.spec.name === name);
  return { artifact, instances: spec.instances, threads: spec.threads };
}
