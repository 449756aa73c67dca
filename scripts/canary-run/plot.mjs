// One picture of a rollout: share, p95 of both sides, evidence.
import { chart } from '../chaos/svg.mjs';

/** e-values have no upper end; a picture has. */
const TOP = 1e6;
const MAX_POINTS = 600;

export function plot({ name, phase, reason }, entries) {
  const from = entries[0].at;
  const step = Math.max(1, Math.ceil(entries.length / MAX_POINTS));
  const shown = entries.filter((_, i) => i % step === 0 || i === entries.length - 1);
  const series = (title, value) => ({
    name: title,
    points: shown.map(({ at, decision }) => [(at - from) / 1_000, value(decision)]),
  });
  const evidence = (title, key) => series(title, ({ evidence: known }) => Math.min(TOP, Math.max(1e-3, known[key] ?? TOP))); // prettier-ignore
  return chart({
    title: `${name}: ${phase} (${reason})`.slice(0, 110),
    seconds: Math.max(1, (entries.at(-1).at - from) / 1_000),
    panels: [
      { title: 'share of the traffic, %', series: [series('canary', ({ share }) => share / 100)] },
      {
        title: 'p95, ms',
        series: [
          series('control', ({ evidence: { p95 } }) => p95.control ?? 0),
          series('canary', ({ evidence: { p95 } }) => p95.canary ?? 0),
        ],
      },
      {
        title: 'evidence (e-values; 400 takes the canary back)',
        log: true,
        series: [
          evidence('more errors', 'eErrors'),
          evidence('slower', 'eLatency'),
          evidence('over the objective', 'eObjectiveErrors'),
          evidence('errors not worse', 'eNonInferiorErrors'),
          evidence('latency not worse', 'eNonInferiorLatency'),
        ],
      },
    ],
  });
}
