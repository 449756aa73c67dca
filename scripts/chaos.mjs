// npm run chaos: kills, freezes and cuts off parts of the platform under load, and keeps books. docs/reliability.md
// explains what each scenario proves.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attach, node, Problem, report, root } from './lib/run.mjs';
import { build, setUp } from './setup.mjs';

const HELP = `npm run chaos -- [options]
  --short            a set that takes less than a minute
  --only <a,b>       only these scenarios
  --seed <n>         the seed of loads and faults (default: 1)
  --kills <n>        kills of each killing scenario, instead of its own number
  --json             the rows as the last line of the output
  --list             name the scenarios`;

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
    kills: { type: 'string' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Clusters that run now; stopped whatever happens. */
const running = new Set();
/** In a short run all scenarios share one: starting it is most of their time. */
const SHARED = { gateways: 2, dispatchers: 2, workers: 2, proxied: true };

async function stop(cluster) {
  running.delete(cluster);
  await cluster.stop({ keep: process.env.CHAOS_KEEP === '1' });
}

function numberOf(name, least) {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Problem(`--${name} takes a whole number from ${least}.`);
  return value;
}

function chosenOf(scenarios) {
  const wanted = options.only?.split(',');
  const unknown = wanted?.find((name) => scenarios.every((scenario) => scenario.name !== name));
  if (unknown !== undefined) throw new Problem(`There is no scenario ${unknown}; --list names them.`);
  return scenarios.filter(({ name, short, apart }) =>
    wanted ? wanted.includes(name) : !apart && (short || !options.short),
  );
}

async function main() {
  if (options.help) return console.log(HELP);
  const seed = numberOf('seed', 0);
  const kills = numberOf('kills', 1);
  // The experiments start servers of their own: REDIS_URL is never touched.
  delete process.env.REDIS_URL;
  const { binary } = await setUp();
  if (Number(process.versions.node.split('.')[0]) < 24)
    process.exit(await attach(node, process.argv.slice(1)));
  const { scenarios } = await import('./chaos/scenarios.mjs');
  if (options.list) return console.log(scenarios.map(({ name }) => name).join('\n'));
  if (!binary) throw new Problem('The experiments kill and freeze Redis: they need a redis-server program.');
  await build();
  const rows = await runAll(chosenOf(scenarios), { seed, kills, short: options.short, binary });
  save(rows);
  if (rows.some(({ ok }) => !ok)) process.exitCode = 1;
}

/** FNV-1a: scenarios of one run differ in their inputs and keys, which share a Redis in a short run. */
function seedOf(name, seed) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${name} ${seed}`)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

async function runAll(scenarios, options) {
  const { tableHead, tableLines } = await import('./chaos/report.mjs');
  const { startCluster } = await import('./chaos/run-scenario.mjs');
  const context = { ...options, register: (cluster) => running.add(cluster), stop };
  const shared = options.short ? await startCluster(context, SHARED) : undefined;
  console.log(tableHead());
  const rows = [];
  for (const { name, run } of scenarios) {
    rows.push({
      name,
      ...(await run({ ...context, shared, seed: seedOf(name, options.seed) })),
      seed: options.seed,
    });
    console.log(tableLines(rows.at(-1)));
  }
  if (shared) await stop(shared);
  return rows;
}

function save(rows) {
  const folder = join(root, 'reports');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `chaos-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`);
  writeFileSync(file, JSON.stringify({ scenarios: rows }, null, 2));
  console.log(`\nwritten to ${file}`);
  if (options.json) console.log(JSON.stringify({ scenarios: rows }));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => void stopAll().finally(() => process.exit(130)));
}

async function stopAll() {
  await Promise.allSettled([...running].map(stop));
}

main().catch(async (error) => {
  await stopAll();
  report(error);
});
