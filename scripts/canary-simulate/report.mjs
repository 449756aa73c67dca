// The results of simulated rollouts as a table, a line of JSON and a plot.
import { chart } from '../chaos/svg.mjs';

const part = (summary, outcome) => summary.outcomes[outcome] / summary.runs;

/** Upper end of the 95 % interval of a part of `n` (Wilson), in percent. */
function upperPercent(count, n) {
  const z = 1.96;
  const p = count / n;
  const middle = p + z ** 2 / (2 * n);
  const width = z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  return (100 * (middle + width)) / (1 + z ** 2 / n);
}

export function table({ nulls, regressions }) {
  const row = (cells) => `${cells[0].padEnd(28)}${cells.slice(1).map((cell) => `${cell}`.padStart(15)).join('')}`; // prettier-ignore
  const percent = (value) => `${(100 * value).toFixed(2)} %`;
  const outcomes = ['promoted', 'asks', 'undecided'];
  const others = (summary) => outcomes.map((outcome) => percent(part(summary, outcome)));
  return [
    row(['the same as stable', 'runs', 'rolled back', 'at most (95 %)', ...outcomes]),
    ...nulls.map((s) => row([s.name, s.runs, percent(part(s, 'rolled back')), `${upperPercent(s.outcomes['rolled back'], s.runs).toFixed(2)} %`, ...others(s)])), // prettier-ignore
    '',
    row(['worse than stable', 'runs', 'rolled back', 'after requests', ...outcomes]),
    ...regressions.map((s) => row([s.name, s.runs, percent(part(s, 'rolled back')), s.medianRequests ?? '-', ...others(s)])), // prettier-ignore
  ].join('\n');
}

export function summaryJson({ nulls, regressions }) {
  return JSON.stringify({
    nulls: nulls.map((s) => ({ name: s.name, runs: s.runs, false_rollback: part(s, 'rolled back') })),
    regressions: regressions.map((s) => ({
      name: s.name,
      runs: s.runs,
      detected: part(s, 'rolled back'),
      false_promotion: part(s, 'promoted'),
      median_requests: s.medianRequests,
    })),
  });
}

/** Over time: which part of the good canaries is promoted, and which part of the bad ones is rolled back. */
export function plot({ nulls, regressions }) {
  const seconds = 7_200;
  const curve = ({ name, ended }, outcome) => {
    const times = ended.filter((run) => run.outcome === outcome).map((run) => run.seconds).sort((a, b) => a - b); // prettier-ignore
    // A step for each time at which some ended, however many.
    const until = [...new Map(times.map((s, i) => [s, (100 * (i + 1)) / ended.length]))];
    const points = until.flatMap(([s, percent], i) => [
      [s, until[i - 1]?.[1] ?? 0],
      [s, percent],
    ]);
    const shown = points.filter(([s]) => s <= seconds);
    return { name, points: [[0, 0], ...shown, [seconds, shown.at(-1)?.[1] ?? 0]] };
  };
  return chart({
    title: 'Simulated rollouts: how they end, by time since their start',
    seconds,
    panels: [
      { title: 'worse canaries that are rolled back, %', series: regressions.map((s) => curve(s, 'rolled back')) }, // prettier-ignore
      { title: 'same canaries that are promoted, %', series: nulls.map((s) => curve(s, 'promoted')) },
      { title: 'same canaries that are rolled back, %', series: nulls.map((s) => curve(s, 'rolled back')) },
    ],
  });
}
