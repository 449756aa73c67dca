// One tenant offers a hundred times what the others do: they must not notice.
import { perSecond, Probe, quantile } from '../probe.mjs';
import { round, rowOf, savePlot, startWork, workBody } from './overload.mjs';

const QUIET_S = 60;
const LOUD_S = 60;
const OTHERS = 9;
/** Of capacity, the nine together. */
const SHARE = 0.45;

export const fairness = {
  name: 'fairness',
  apart: true,
  async run(context) {
    const { cluster, capacity } = await startWork(context, { gateways: 2, dispatchers: 1, workers: 1 });
    try {
      const probe = new Probe(cluster.gateways, workBody);
      const rate = (capacity * SHARE) / OTHERS;
      const others = Array.from({ length: OTHERS }, (_, i) => ({ name: 'others', tenant: `quiet-${i}`, priority: 'standard', rate })); // prettier-ignore
      const loud = { name: 'loud', tenant: 'loud', priority: 'standard' };
      await probe.offer([...others, { ...loud, rate }], QUIET_S, context.seed);
      await probe.offer([...others, { ...loud, rate: rate * 100 }], LOUD_S, context.seed + 50);
      await probe.settle();
      plot(probe, capacity);
      return judge(probe, capacity);
    } finally {
      await context.stop(cluster);
    }
  },
};

function judge({ calls }, capacity) {
  const tookBy = (name, from, to) =>
    calls.filter((call) => call.class === name && call.status === 200 && call.at >= from && call.at < to).map(({ tookMs }) => tookMs); // prettier-ignore
  const quiet = tookBy('others', 5, QUIET_S);
  const beset = tookBy('others', QUIET_S, QUIET_S + LOUD_S);
  const refusedOthers = calls.filter((call) => call.class === 'others' && call.status !== 200).length;
  const figures = {
    capacity: round(capacity),
    quietP99Ms: round(quantile(quiet, 0.99)),
    besetP99Ms: round(quantile(beset, 0.99)),
    ratio: round(quantile(beset, 0.99) / quantile(quiet, 0.99)),
    loudAnswersPerS: round(tookBy('loud', QUIET_S, QUIET_S + LOUD_S).length / LOUD_S),
    othersRefused: refusedOthers,
  };
  return rowOf(calls, figures, [
    [figures.ratio <= 1.25, 'p99 of the others is over 1.25 of the quiet run'],
    [refusedOthers === 0, `${refusedOthers} calls of the others were not answered`],
  ]);
}

function plot({ calls }, capacity) {
  const seconds = QUIET_S + LOUD_S;
  const of = (name, wanted) => calls.filter((call) => call.class === name && wanted(call));
  const ok = ({ status }) => status === 200;
  const at = (call) => call.at;
  const p99 = (bucket) => (bucket.length === 0 ? 0 : quantile(bucket.map(({ tookMs }) => tookMs), 0.99)); // prettier-ignore
  const count = (bucket) => bucket.length;
  const names = ['others', 'loud'];
  savePlot('fairness', {
    title: `Fairness: one tenant at 100 times its rate (capacity ${Math.round(capacity)}/s)`,
    seconds,
    marks: [{ from: QUIET_S, to: seconds, label: 'one tenant at 100 ×' }],
    panels: [
      { title: 'time to an answer, p99, ms', log: true, series: names.map((name) => ({ name, points: perSecond(of(name, ok), at, seconds, p99) })) }, // prettier-ignore
      { title: 'answers a second', series: names.map((name) => ({ name, points: perSecond(of(name, ok), at, seconds, count) })) }, // prettier-ignore
      { title: 'refusals a second', series: names.map((name) => ({ name, points: perSecond(of(name, (call) => !ok(call)), at, seconds, count) })) }, // prettier-ignore
    ],
  });
}
