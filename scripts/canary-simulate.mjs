// npm run canary:simulate: how often a rollout policy is wrong. docs/canary.md explains it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HELP, readArguments, UsageError } from './canary-simulate/arguments.mjs';
import { plot, summaryJson, table } from './canary-simulate/report.mjs';
import { attach, node } from './lib/run.mjs';
import { build, setUp } from './setup.mjs';

/** Rollouts of a scenario in turn, so that every scenario has as many when the time is over. */
const ROUND = 10;

const say = (line) => process.stderr.write(`${line}\n`);

/** The libraries, built first. */
async function libraries() {
  await setUp();
  if (Number(process.versions.node.split('.')[0]) < 24)
    process.exit(await attach(node, process.argv.slice(1)));
  await build();
  const modules = await Promise.all([
    import('@frontier/contracts/rollout-policy'),
    import('@frontier/policy/canary/scenarios'),
    import('@frontier/policy/canary/simulate'),
  ]);
  return Object.assign({}, ...modules);
}

function readPolicy(schema, file) {
  let value = {};
  try {
    if (file !== undefined) value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file}: ${error.message}`, { cause: error });
  }
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const faults = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(`${file}: ${faults.join('; ')}`);
}

/** Runs of every scenario in rounds, until there are enough or the time is over. */
function simulateAll({ simulateRuns }, scenarios, policy, { seed, runs, limitMs }) {
  const ended = scenarios.map(() => []);
  const startedAt = performance.now();
  for (let from = 0; from < runs; from += ROUND) {
    const to = Math.min(from + ROUND, runs);
    scenarios.forEach((scenario, i) => ended[i].push(...simulateRuns(policy, scenario, seed, from, to)));
    const usedMs = performance.now() - startedAt;
    const roundMs = (usedMs / to) * ROUND;
    if (usedMs + roundMs > limitMs) break;
  }
  return ended;
}

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) return say(HELP);
  const library = await libraries();
  const policy = readPolicy(library.rolloutPolicySchema, options.policy);
  const scenarios = [...library.NULLS, ...library.REGRESSIONS];
  const startedAt = performance.now();
  const ended = simulateAll(library, scenarios, policy, options);
  const summaries = scenarios.map(({ name }, i) => ({
    ...library.summarise(name, ended[i]),
    ended: ended[i],
  }));
  const results = { nulls: summaries.slice(0, library.NULLS.length), regressions: summaries.slice(library.NULLS.length) }; // prettier-ignore
  mkdirSync(dirname(options.svg), { recursive: true });
  writeFileSync(options.svg, plot(results));
  process.stdout.write(`${table(results)}\n`);
  const seconds = (performance.now() - startedAt) / 1_000;
  say(`seed ${options.seed}, ${seconds.toFixed(1)} s, plot: ${String(options.svg)}`);
  if (options.json) process.stdout.write(`${summaryJson(results)}\n`);
}

main().catch((error) => {
  say(error instanceof UsageError ? `${error.message}\n\n${HELP}` : (error.stack ?? `${error}`));
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
