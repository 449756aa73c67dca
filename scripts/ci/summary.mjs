// node scripts/ci/summary.mjs [--out <file>] <report>…: what jest, the chaos experiments, the benchmark and the
// cluster test wrote, as one JSON document (standard output or --out) and as Markdown (appended to
// $GITHUB_STEP_SUMMARY where that is set).
// Ends with 1 when a report says that something failed, or when there is none: a smoke test that did not run has not passed.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

/** Which report a document is, by what only that one has. */
const KINDS = [
  { kind: 'tests', is: (report) => Array.isArray(report.testResults), read: readTests },
  { kind: 'chaos', is: (report) => Array.isArray(report.scenarios), read: readChaos },
  { kind: 'cluster', is: Array.isArray, read: readCluster },
  { kind: 'load', is: (report) => Array.isArray(report.rows), read: readLoad },
];

/** jest --json */
function readTests(report) {
  const failed = report.testResults.flatMap((file) => {
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    if (tests.length > 0) return tests.map(({ fullName }) => `${basename(file.name)}: ${fullName}`);
    return file.status === 'failed' ? [`${basename(file.name)}: could not be run`] : [];
  });
  const { numPassedTests: passed, numPendingTests: skipped } = report;
  return {
    figures: { passed, failed: failed.length, skipped },
    failures: failed,
    ran: passed + failed.length,
  };
}

/** npm run chaos */
function readChaos({ scenarios }) {
  const sum = (name) => scenarios.reduce((total, scenario) => total + (scenario[name] ?? 0), 0);
  const failed = scenarios.filter(({ ok }) => !ok);
  const figures = {
    scenarios: scenarios.length,
    acknowledged: sum('acknowledged'),
    lost: sum('lost'),
    double: sum('double'),
  };
  return {
    figures,
    failures: failed.map(({ name, problems }) => `${name}: ${problems.join('; ')}`),
    ran: scenarios.length,
  };
}

/**
 * npm run bench. A runner that others use too cannot be held to speeds: only requests that failed count as failures;
 * goals that were not met are figures.
 */
function readLoad({ rows }) {
  const goals = rows.flatMap((row) => row.goals ?? []);
  const figures = {
    scenarios: rows.length,
    completed: rows.reduce((total, { completed }) => total + (completed ?? 0), 0),
    goalsMissed: goals.filter(({ met }) => met === false).length,
    worstP99Ms: Math.max(0, ...rows.map(({ p99 }) => p99 ?? 0)),
  };
  const failed = rows.filter((row) => row.failed > 0);
  return {
    figures,
    failures: failed.map((row) => `${row.scenario}: ${row.failed} of ${row.requests} failed`),
    ran: rows.length,
  };
}

/** npm run test:cluster */
function readCluster(rows) {
  const failed = rows.filter(({ ok }) => !ok);
  const seconds = rows.reduce((total, row) => total + row.seconds, 0);
  return {
    figures: { steps: rows.length, seconds },
    failures: failed.map(({ name, told }) => `${name}: ${told}`),
    ran: rows.length,
  };
}

function readReport(file) {
  const name = basename(file);
  if (!existsSync(file))
    return { name, kind: 'missing', ok: false, figures: {}, failures: ['was not written'] };
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return { name, kind: 'unreadable', ok: false, figures: {}, failures: [error.message] };
  }
  const found = KINDS.find(({ is }) => is(report));
  if (!found)
    return {
      name,
      kind: 'unknown',
      ok: false,
      figures: {},
      failures: ['is no report of jest, chaos, bench or the cluster test'],
    };
  const { figures, failures, ran } = found.read(report);
  if (ran === 0) failures.push('nothing was run');
  return { name, kind: found.kind, ok: failures.length === 0, figures, failures };
}

const SHOWN_FAILURES = 50;

/** Text of others in a table of Markdown. */
const escape = (text) =>
  text
    .replaceAll('|', String.raw`\|`)
    .replaceAll('`', "'")
    .replaceAll(/\s+/g, ' ')
    .slice(0, 300);

function markdown({ ok, reports }) {
  const rows = reports.map(({ name, kind, ok: fine, figures }) => {
    const cells = Object.entries(figures).map(
      ([figure, value]) => `${figure} ${Math.round(value * 100) / 100}`,
    );
    return `| ${fine ? '✓' : '✗'} | ${kind} | ${escape(name)} | ${cells.join(', ')} |`;
  });
  const failures = reports.flatMap(({ kind, failures: those }) =>
    those.map((text) => `- ${kind}: ${escape(text)}`),
  );
  const more = failures.length - SHOWN_FAILURES;
  return [
    `## Smoke: ${ok ? 'passed' : 'failed'}`,
    '',
    '|  | what | report | figures |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...(failures.length > 0 ? ['', ...failures.slice(0, SHOWN_FAILURES)] : []),
    ...(more > 0 ? [`- and ${more} more`] : []),
    '',
  ].join('\n');
}

function main() {
  const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
  if (positionals.length === 0) {
    console.error('Usage: node scripts/ci/summary.mjs [--out <file>] <report>…');
    return 2;
  }
  const reports = positionals.map(readReport);
  const summary = {
    ok: reports.every(({ ok }) => ok),
    commit: process.env.GITHUB_SHA ?? process.env.CI_COMMIT_SHA,
    reports,
  };
  const text = JSON.stringify(summary, null, 2);
  if (values.out) writeFileSync(values.out, `${text}\n`);
  else console.log(text);
  const page = markdown(summary);
  if (process.env.GITHUB_STEP_SUMMARY) appendFileSync(process.env.GITHUB_STEP_SUMMARY, page);
  if (values.out) console.log(page);
  return summary.ok ? 0 : 1;
}

process.exitCode = main();
