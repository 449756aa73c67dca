// Two dispatchers and four shards lose nothing, and cost one dispatcher with one shard next to nothing.
import { Probe, quantile } from '../probe.mjs';
import { inputsOf } from '../inputs.mjs';
import { startCluster } from '../run-scenario.mjs';
import { round, rowOf } from './overload.mjs';

const ROUNDS = 3;
const SECONDS = 10;
const IN_FLIGHT = 64;
const SHAPES = {
  one: { gateways: 1, dispatchers: 1, workers: 1, env: { SHARDS: 1 } },
  many: { gateways: 1, dispatchers: 2, workers: 1, env: { SHARDS: 4 } },
};

export const scaling = {
  name: 'scaling',
  apart: true,
  async run(context) {
    const rates = { one: [], many: [] };
    const p99 = { one: [], many: [] };
    const all = [];
    // By turns, so that what else the machine does meets both.
    for (let i = 0; i < ROUNDS; i += 1) {
      for (const [name, shape] of Object.entries(SHAPES)) {
        const { rate, calls } = await measure(context, shape);
        rates[name].push(rate);
        p99[name].push(quantile(calls.map(({ tookMs }) => tookMs), 0.99)); // prettier-ignore
        all.push(...calls);
      }
    }
    const best = (values) => Math.max(...values);
    const figures = {
      onePerS: round(best(rates.one), 0),
      manyPerS: round(best(rates.many), 0),
      ratio: round(best(rates.many) / best(rates.one)),
      oneP99Ms: round(Math.min(...p99.one)),
      manyP99Ms: round(Math.min(...p99.many)),
    };
    const failed = all.filter(({ status }) => status !== 200).length;
    return rowOf(all, figures, [
      [figures.ratio >= 0.9, 'four shards and two dispatchers are over 10 % slower'],
      [failed === 0, `${failed} calls were not answered`],
    ]);
  },
};

async function measure(context, shape) {
  const cluster = await startCluster(context, shape);
  try {
    const inputs = inputsOf('simple', context.seed, 1, 1);
    const probe = new Probe(cluster.gateways, () => ({ model: 'simple', inputs }));
    const caller = { name: 'all', tenant: 't0', priority: 'standard' };
    await probe.saturate(caller, IN_FLIGHT, 5);
    probe.calls.length = 0;
    const rate = await probe.saturate(caller, IN_FLIGHT, SECONDS);
    await probe.settle();
    return { rate, calls: probe.calls };
  } finally {
    await context.stop(cluster);
  }
}
