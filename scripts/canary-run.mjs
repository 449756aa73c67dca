// npm run canary:run: rollouts of real versions of text-direction on real services under load, decided on what a real
// Prometheus has scraped. docs/rollouts.md explains what each one shows.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attach, node, Problem, report, root, sleep } from './lib/run.mjs';
import { build, setUp } from './setup.mjs';

const FOLDER = join(root, 'reports/canary-run');
const HELP = `npm run canary:run -- [options]
  --short            good and errors, with tiny thresholds, read directly: less than a minute
  --long             an identical canary gets through 1800 scrapes instead of 120
  --only <a,b>       only these scenarios
  --rate <n>         calls a second (default: 200; short: 100)
  --direct           no Prometheus, the controller reads the gateways
  --plots            write docs/images/canary-run-<name>.svg
  --json             the rows as the last line of the output`;

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    only: { type: 'string' },
    rate: { type: 'string' },
    direct: { type: 'boolean', default: false },
    plots: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Under load until the services run compiled code and their caches are full: the A/A phase is to see what will be. */
const WARM_UP_MS = 20_000;

let stack;
let load;

async function main() {
  if (options.help) return console.log(HELP);
  const rate = Number(options.rate ?? (options.short ? 100 : 200));
  if (!Number.isInteger(rate) || rate < 1) throw new Problem('--rate takes a whole number from 1.');
  // The experiment starts servers of its own: those of the environment are never touched.
  for (const name of ['REDIS_URL', 'DATABASE_URL', 'PROMETHEUS_URL']) delete process.env[name];
  const { binary } = await setUp();
  if (Number(process.versions.node.split('.')[0]) < 24)
    process.exit(await attach(node, process.argv.slice(1)));
  if (!binary) throw new Problem('The experiment needs a redis-server program.');
  await build();
  const { scenariosOf } = await import('./canary-run/scenarios.mjs');
  const scenarios = chosenOf(scenariosOf({ short: options.short, scrapes: options.long ? 1_800 : 120 }));
  const results = await runAll(scenarios, { rate, redis: binary });
  console.log(`\ndecision logs in ${FOLDER}`);
  if (options.json) console.log(JSON.stringify({ rows: results.map(({ row }) => row) }));
  if (results.some(({ row }) => row.problems.length > 0)) process.exitCode = 1;
}

/** In the order in which they are named. */
function chosenOf(scenarios) {
  if (options.only === undefined) return scenarios;
  return options.only.split(',').map((name) => {
    const found = scenarios.find((scenario) => scenario.name === name);
    if (!found) throw new Problem(`There is no scenario ${name}.`);
    return found;
  });
}

async function runAll(scenarios, { rate, redis }) {
  const { findPrometheus } = await import('./canary-run/prometheus.mjs');
  const { Stack } = await import('./canary-run/stack.mjs');
  const { Load } = await import('./canary-run/load.mjs');
  const { MODEL, writeVersion } = await import('./canary-run/versions.mjs');
  const { register } = await import('./canary-run/rollout.mjs');
  const { p95Of, runScenario } = await import('./canary-run/run-scenario.mjs');
  const prometheus = options.direct || options.short ? undefined : await findPrometheus();
  console.log(prometheus ? `Prometheus: ${prometheus}` : 'no Prometheus: the controller reads the gateways directly'); // prettier-ignore
  stack = new Stack();
  const digest = writeVersion(stack.models, '1', 'good');
  await stack.start({ redis, prometheus });
  await register(stack.stores, '1', digest, 'production');
  // Without a record the highest version would be served, so a new one to everybody.
  await stack.traffic.put({ model: MODEL, stable: '1', blocked: [], rollout: null, shadow: null, experiment: null }, 0); // prettier-ignore
  load = new Load();
  await load.start(stack.gateways.map(({ grpc }) => grpc), rate); // prettier-ignore
  let windowMs;
  if (!options.short) {
    await sleep(WARM_UP_MS);
    windowMs = Math.ceil(await p95Of(stack, '1'));
    console.log(
      `p95 of a call under this load: ${windowMs} ms; what is slow waits as long for a fuller batch`,
    );
  }
  const results = [];
  let stable = '1';
  console.log(head());
  for (const [i, scenario] of scenarios.entries()) {
    const version = `${i + 100}`;
    const result = await runScenario(stack, scenario, { version, stable, windowMs });
    if (result.row.phase === 'promoted') stable = version;
    results.push(result);
    console.log(line(result.row));
    await save(result);
  }
  console.log(`\n${load.answered} calls were answered, ${load.failed} of them with an error.`);
  console.log(`\nGit, as the controller left it:\n${stack.commits().join('\n')}`);
  await stop();
  return results;
}

const COLUMNS = [['name', 14], ['phase', 12], ['seconds', 8], ['offMs', 6], ['scrapes', 8], ['requests', 9], ['replayed', 9], ['kills', 6]]; // prettier-ignore
const head = () => COLUMNS.map(([name, width]) => name.padEnd(width)).join('');

function line(row) {
  const cells = COLUMNS.map(([name, width]) => `${row[name] ?? '-'}`.padEnd(width)).join('');
  return [cells + row.reason, ...row.problems.map((problem) => `  !! ${problem}`)].join('\n');
}

async function save({ row, entries }) {
  mkdirSync(FOLDER, { recursive: true });
  const text = entries.map((entry) => JSON.stringify(entry)).join('\n');
  writeFileSync(join(FOLDER, `${row.name}.jsonl`), `${text}\n`);
  if (!options.plots) return;
  const { plot } = await import('./canary-run/plot.mjs');
  writeFileSync(join(root, `docs/images/canary-run-${row.name}.svg`), plot(row, entries));
}

let stopping;

/** Once, however often it is asked: a signal may come twice, and its end must be waited for. */
function stop() {
  load?.stop();
  stopping ??= Promise.resolve(stack?.stop({ keep: process.env.CANARY_KEEP === '1' }));
  return stopping;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => void stop().finally(() => process.exit(130)));

main().catch(async (error) => {
  await stop().catch(() => undefined);
  report(error);
});
