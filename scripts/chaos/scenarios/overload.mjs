// Ten times what the workers can do, for two minutes: what is accepted is served in time, the rest is refused at once.
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../lib/run.mjs';
import { perSecond, Probe, quantile } from '../probe.mjs';
import { startCluster } from '../run-scenario.mjs';
import { chart } from '../svg.mjs';
import { makeWorkModel, WORK_MODEL } from '../work-model.mjs';

const require = createRequire(import.meta.url);

const BASE_S = 20;
const OVERLOAD_S = 120;
const AFTER_S = 30;
/** A row takes about 12 ms on a core: the model is the bottleneck, not the callers or the gateways beside it. */
const MODEL = { products: 600, maxRows: 2 };
/** Shares of the load; vip alone is well under what the workers can do, as it must be. */
const SHARES = { vip: 0.04, standard: 0.56, low: 0.4 };

export const workBody = () => ({ model: WORK_MODEL, inputs: { x: [Array.from({ length: 16 }, () => 1)] } });

/** A cluster that serves only the model of known cost; `{cluster, capacity}` (answers a second, measured). */
export async function startWork(context, shape) {
  const cluster = await startCluster(context, { ...shape, models: WORK_MODEL, modelFolder: (folder) => makeWorkModel(folder, MODEL) }); // prettier-ignore
  const probe = new Probe(cluster.gateways, workBody);
  const caller = { name: 'warm', tenant: 'warm', priority: 'standard' };
  await probe.saturate(caller, 32, 3);
  const capacity = await probe.saturate(caller, 32, 8);
  await probe.settle();
  return { cluster, capacity };
}

export function savePlot(name, plot) {
  const folder = join(root, 'docs/images');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.svg`), chart(plot));
}

export const overload = {
  name: 'overload',
  apart: true,
  async run(context) {
    const { cluster, capacity } = await startWork(context, { gateways: 2, dispatchers: 1, workers: 1 });
    try {
      const probe = new Probe(cluster.gateways, workBody);
      const classes = (rate) => Object.entries(SHARES).map(([priority, share], i) => ({ name: priority, priority, tenant: `t${i}`, rate: rate * share })); // prettier-ignore
      await probe.offer(classes(capacity / 2), BASE_S, context.seed);
      await probe.offer(classes(capacity * 10), OVERLOAD_S, context.seed + 10);
      await probe.offer(classes(capacity / 2), AFTER_S, context.seed + 20);
      await probe.settle();
      plot(probe, capacity);
      return judge(probe, capacity);
    } finally {
      await context.stop(cluster);
    }
  },
};

function judge({ calls }, capacity) {
  const over = calls.filter(({ at }) => at >= BASE_S && at < BASE_S + OVERLOAD_S);
  const ok = ({ status }) => status === 200;
  const ends = (from, to) =>
    calls.filter((call) => ok(call) && endOf(call) >= from && endOf(call) < to).length / (to - from);
  // Five-second means: the peak is what it can do, not what one second happened to hold.
  const windows = Array.from({ length: OVERLOAD_S / 5 }, (_, i) =>
    ends(BASE_S + 5 * i, BASE_S + 5 * (i + 1)),
  );
  const peak = Math.max(...windows);
  const goodput = ends(BASE_S + 5, BASE_S + OVERLOAD_S);
  const vip = over.filter((call) => call.class === 'vip');
  const refused = over.filter(({ status }) => status === 429 || status === 503);
  const other = calls.filter(({ status }) => status !== 200 && status !== 429 && status !== 503);
  const lowMs = over.filter((call) => call.class === 'low' && ok(call)).map(({ tookMs }) => tookMs);
  const { queuePoliciesSchema } = require(join(root, 'libs/contracts/dist/queue.js'));
  const bound = queuePoliciesSchema.parse({}).low.maxWaitMs;
  const after = calls.filter(({ at }) => at >= BASE_S + OVERLOAD_S + 10);
  const base = quantile(
    calls.filter((call) => call.at < BASE_S && ok(call)).map(({ tookMs }) => tookMs),
    0.99,
  );
  const figures = {
    capacity: round(capacity),
    peak: round(peak),
    goodputOfPeak: round(goodput / peak),
    vipInTime: round(vip.filter(ok).length / vip.length, 4),
    refusedP99Ms: round(
      quantile(
        refused.map(({ tookMs }) => tookMs),
        0.99,
      ),
    ),
    worstLowMs: round(Math.max(0, ...lowMs)),
    boundMs: bound,
    baseP99Ms: round(base),
    afterP99Ms: round(
      quantile(
        after.filter(ok).map(({ tookMs }) => tookMs),
        0.99,
      ),
    ),
    otherStatuses: other.length,
    statuses: statusesOf(over),
  };
  const checks = [
    [figures.goodputOfPeak >= 0.9, 'goodput is under 90 % of its peak'],
    [figures.vipInTime >= 0.994, 'under 99.4 % of vip were answered in time'],
    [figures.refusedP99Ms < 50, 'refusals take 50 ms or more at p99'],
    [refused.every(({ retryAfter }) => retryAfter !== undefined), 'refusals without Retry-After'],
    [figures.worstLowMs <= bound, 'a low request waited longer than the published bound'],
    [after.every(ok), 'not normal 10 s after: calls are still refused'],
    [figures.afterP99Ms <= 2 * base, 'not normal 10 s after: p99 is over twice what it was'],
    [other.length === 0, `${other.length} calls ended otherwise than 200, 429 or 503`],
  ];
  return rowOf(calls, figures, checks);
}

/** `{class: {status: count}}` */
function statusesOf(calls) {
  const counts = {};
  for (const call of calls) {
    const ofClass = (counts[call.class] ??= {});
    ofClass[call.status] = (ofClass[call.status] ?? 0) + 1;
  }
  return counts;
}

const endOf = ({ at, tookMs }) => at + tookMs / 1_000;

/** A row without books: these callers ask once. */
export function rowOf(calls, figures, checks) {
  const problems = checks.filter(([met]) => !met).map(([, problem]) => problem);
  const answered = calls.filter(({ status }) => status === 200).length;
  const silent = calls.filter(({ status }) => status === 0).length;
  return {
    kills: 0,
    cuts: 0,
    sent: calls.length,
    acknowledged: answered,
    delivered: answered,
    refused: calls.filter(({ status }) => status === 429 || status === 503).length,
    lost: silent,
    double: 0,
    figures,
    note: JSON.stringify(figures),
    ok: problems.length === 0 && silent === 0,
    problems,
  };
}

export const round = (value, digits = 2) => Math.round(value * 10 ** digits) / 10 ** digits;

function plot({ calls }, capacity) {
  const seconds = BASE_S + OVERLOAD_S + AFTER_S;
  const series = (wanted, instant, valueOf) =>
    Object.keys(SHARES).map((name) => ({ name, points: perSecond(calls.filter((call) => call.class === name && wanted(call)), instant, seconds, valueOf) })); // prettier-ignore
  const ok = ({ status }) => status === 200;
  const refused = ({ status }) => status === 429 || status === 503;
  const count = (bucket) => bucket.length;
  const p99 = (bucket) => (bucket.length === 0 ? 0 : quantile(bucket.map(({ tookMs }) => tookMs), 0.99)); // prettier-ignore
  savePlot('overload', {
    title: `Overload: ten times capacity (${Math.round(capacity)}/s) for ${OVERLOAD_S} s`,
    seconds,
    marks: [{ from: BASE_S, to: BASE_S + OVERLOAD_S, label: '10 × capacity' }],
    panels: [
      { title: 'answers a second', series: series(ok, endOf, count) },
      { title: 'refusals (429, 503) a second', series: series(refused, ({ at }) => at, count) },
      { title: 'time to an answer, p99, ms', log: true, series: series(ok, ({ at }) => at, p99) },
      { title: 'time to a refusal, p99, ms', log: true, series: series(refused, ({ at }) => at, p99) },
    ],
  });
}
