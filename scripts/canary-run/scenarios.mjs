// What is run: a canary, what has to become of it, and by when.

/** 30 s blocks and 1,000 canary requests, as a test wants them; what is not named is as by default. */
const POLICY = {
  steps: [2_500, 5_000, 10_000],
  scrapeMs: 1_000,
  blockMs: 30_000,
  blockRequests: 200,
  advanceRequests: 300,
  promoteRequests: 1_000,
  aaRequests: 200,
  watchMs: 20_000,
  autoPromote: true,
  // A scrape asks Prometheus for all samples of this time.
  staleMs: 3_000,
  // Callers, platform and Prometheus share two cores: the objective of a machine with room would be broken by all sides.
  objective: { latencyMs: 2_000 },
};

/** So small that a run is a test of the wiring, not of the statistics; and tolerant, since the machine may be busy. */
const SHORT = {
  steps: [2_500, 5_000, 10_000],
  scrapeMs: 500,
  blockMs: 1_000,
  blockRequests: 40,
  stableBlocks: 1,
  advanceRequests: 100,
  promoteRequests: 250,
  aaRequests: 60,
  watchMs: 1_000,
  goodScrapes: 1,
  autoPromote: true,
  latencyRatio: 20,
  material: { p95Ratio: 20, p95FloorMs: 1_000 },
  nonInferior: { latencyRatio: 5, errorsRate: 0.2, evidence: 1, p95Ratio: 20, errorsDelta: 0.03 }, // prettier-ignore
  objective: { latencyMs: 5_000, errorsPart: 0.03 },
};

/** Places where the controller is killed while a canary becomes stable, in the order in which it comes by. */
const KILLS = ['propose.before', 'propose.after', 'baseline.after', 'traffic.before', 'traffic.after', 'append.before', 'append.after', 'raise.before', 'raise.after', 'git-promote.before', 'git-promote.after', 'git-settle.before', 'git-settle.after', 'report.before', 'report.after', 'finish.before', 'finish.after']; // prettier-ignore
/** And while it is taken back. */
const KILLS_BACK = ['propose.after', 'traffic.after', 'append.after', 'block.before', 'block.after', 'lower.before', 'lower.after', 'root-cause.before', 'root-cause.after', 'git-rollback.before', 'git-rollback.after', 'report.after', 'finish.before']; // prettier-ignore

/**
 * `{name, kind, phase, withinS, timeoutS, policy, kills, scrapes}`: what the version is, where the rollout has to end, within how
 * many seconds of its first call at most, and how many scrapes an identical canary has to get through.
 */
export function scenariosOf({ short, scrapes }) {
  if (short) {
    return [
      { name: 'good', kind: 'good', phase: 'promoted', policy: SHORT, timeoutS: 90 },
      { name: 'errors', kind: 'failing', phase: 'rolled-back', policy: SHORT, timeoutS: 90 },
    ];
  }
  const forever = { ...POLICY, promoteRequests: 1_000_000_000, advanceRequests: 1_000 };
  return [
    { name: 'good', kind: 'good', phase: 'promoted', policy: POLICY },
    {
      name: 'slow',
      kind: 'slow',
      phase: 'rolled-back',
      withinS: 60,
      timeoutS: 120,
      policy: { ...POLICY, steps: [500, 2_500, 10_000] },
    },
    { name: 'errors', kind: 'failing', phase: 'rolled-back', withinS: 30, policy: POLICY },
    { name: 'identical', kind: 'good', phase: 'aborted', scrapes, policy: forever },
    { name: 'killed-good', kind: 'good', phase: 'promoted', policy: SHORT, kills: KILLS },
    { name: 'killed-errors', kind: 'failing', phase: 'rolled-back', policy: SHORT, kills: KILLS_BACK },
  ];
}
