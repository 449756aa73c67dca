// npm run bench: measures the platform on this machine against bare ONNX Runtime. docs/performance.md explains it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { attach, node, report, root, sleep } from './lib/run.mjs';
import { build, setUp } from './setup.mjs';

const HELP = `npm run bench -- [options]
  --quick            the goals that matter most, in less than a minute
  --only <text>      only scenarios whose name contains the text (repeatable)
  --json             the report as the last line of the output
  --profile <folder> also write a CPU profile of each service
  --list             name the scenarios`;

const FULL = {
  warmupMs: 3_000,
  durationMs: 10_000,
  referenceMs: 4_000,
  rounds: 3,
  heatMs: 5_000,
  idleMs: 5_000,
};
const QUICK = {
  warmupMs: 500,
  durationMs: 1_600,
  referenceMs: 800,
  rounds: 1,
  heatMs: 2_000,
  idleMs: 500,
};

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    profile: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main() {
  if (options.help) return console.log(HELP);
  const redis = await setUp();
  if (Number(process.versions.node.split('.')[0]) < 24) {
    process.exit(await attach(node, process.argv.slice(1)));
  }
  const { scenarios } = await import('./bench/scenarios.mjs');
  if (options.list) return console.log(scenarios.map(({ name }) => name).join('\n'));
  await build();
  const chosen = scenarios.filter(
    ({ name, quick }) =>
      (options.only?.some((text) => name.includes(text)) ?? true) && (quick || !options.quick),
  );
  await bench(redis, chosen, options.quick ? QUICK : FULL);
}

async function bench(redis, scenarios, times) {
  const { Harness } = await import('./bench/harness.mjs');
  const { Stack } = await import('./bench/stack.mjs');
  const { machineFacts, tableHead, tableLine } = await import('./bench/report.mjs');
  const startedAt = new Date();
  const machine = machineFacts();
  const stack = new Stack(options.profile);
  let harness;
  try {
    await stack.start(redis);
    await sleep(times.idleMs);
    const idleMb = stack.memory();
    console.log(`${JSON.stringify(machine)}\nidle memory, MB: ${JSON.stringify(idleMb)}\n\n${tableHead()}`);
    harness = new Harness(stack, times, (row) => console.log(tableLine(row)));
    await runAll(scenarios, harness, times);
    save({ startedAt, machine, times, idleMb, rows: harness.rows });
  } finally {
    harness?.stop();
    await stack.stop();
  }
}

/** One scenario after the other; one that breaks does not spoil what the others have measured. */
async function runAll(scenarios, harness, { heatMs }) {
  const { simpleWorkload } = await import('./bench/inputs.mjs');
  // A first load that is not measured: the compilers of all processes have to have seen the hot path.
  const heat = { inFlight: 64, warmupMs: 0, durationMs: heatMs };
  await harness.load({ protocol: 'http', workload: simpleWorkload(), load: heat });
  for (const scenario of scenarios) {
    try {
      await scenario.run(harness);
    } catch (error) {
      console.error(`${scenario.name} broke off:`, error);
      process.exitCode = 1;
    }
  }
}

function save(result) {
  const folder = join(root, 'reports');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `bench-${result.startedAt.toISOString().replaceAll(/[:.]/g, '-')}.json`);
  writeFileSync(file, JSON.stringify(result, null, 2));
  console.log(`\nwritten to ${file}`);
  if (options.json) console.log(JSON.stringify(result));
}

main().catch(report);
