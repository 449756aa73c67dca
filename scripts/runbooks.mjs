// npm run runbooks: breaks an installation in the way that each runbook is about, runs its commands, and mends it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMain, Problem, report, root } from './lib/run.mjs';
import { BREAKERS } from './runbooks/breakers.mjs';
import { Installation } from './runbooks/installation.mjs';
import { readRunbook, runbookNames } from './runbooks/parse.mjs';

const HELP = `NAMESPACE=… npm run runbooks -- [options]
  --only <a,b>    only these, by their file names without .md
  --rotate <n>    n of them, others each day
  --verbose       what the commands print

Needs the chart in the namespace (backup.enabled=true) with the label frontier.dev/test=true, kubectl, helm and KUBECONFIG.
The rows are written to reports/runbooks.json. docs/operations.md explains it.`;
const DAY_MS = 86_400_000;
const AFTERWARDS = 'Afterwards';

/** A part of all names; over some days each has had its turn. */
export function rotated(names, count, now) {
  if (count >= names.length) return names;
  const first = (Math.floor(now / DAY_MS) * count) % names.length;
  return [...names, ...names].slice(first, first + count);
}

/** Runs one runbook in its broken state: `{name, broken, tried, skipped, seconds, faults}`. Leaves everything mended. */
export async function tryRunbook(runbook, installation, { verbose = false } = {}) {
  const row = { name: runbook.name, broken: runbook.broken, tried: 0, skipped: 0, seconds: 0, faults: [] };
  const startedAt = performance.now();
  const shell = installation.shell();
  const run = async (steps) => {
    for (const step of steps) {
      if (step.skip) row.skipped += 1;
      if (step.skip) continue;
      const { output, fault } = await shell.run(step);
      if (step.section !== '') row.tried += 1;
      if (verbose || fault)
        console.log(`--- ${runbook.name}.md:${step.line}\n${output.trimEnd().slice(-3_000)}`);
      if (fault) row.faults.push(`line ${step.line}: ${fault}`);
    }
  };
  let undo;
  try {
    undo = await BREAKERS[runbook.broken](installation);
    await run(runbook.steps.filter(({ section }) => section !== AFTERWARDS));
  } catch (error) {
    row.faults.push(error.message);
  }
  try {
    await undo?.();
    await installation.heal();
    await run(runbook.steps.filter(({ section }) => section === AFTERWARDS));
  } catch (error) {
    row.faults.push(`not mended: ${error.message}`);
  } finally {
    shell.close();
  }
  row.seconds = Math.round((performance.now() - startedAt) / 1_000);
  return row;
}

function choose(values) {
  const names = runbookNames();
  const only = values.only?.split(',');
  for (const name of only ?? []) if (!names.includes(name)) throw new Problem(`No runbook ${name}; there are ${names.join(', ')}.`); // prettier-ignore
  if (values.rotate === undefined) return only ?? names;
  if (!/^[1-9]\d?$/.test(values.rotate)) throw new Problem('--rotate: a number from 1 to 99');
  return rotated(only ?? names, Number(values.rotate), Date.now());
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rotate: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const runbooks = choose(values).map(readRunbook);
  for (const { name, faults } of runbooks) if (faults.length > 0) throw new Problem(`${name}.md: ${faults.join('; ')}`); // prettier-ignore
  const namespace = process.env.NAMESPACE;
  if (!namespace) throw new Problem('NAMESPACE is not set: in which one may things be broken?');
  const installation = await Installation.open(namespace);
  await installation.heal();
  const rows = [];
  for (const runbook of runbooks) {
    const row = await tryRunbook(runbook, installation, values);
    rows.push(row);
    const { name, broken, tried, skipped, seconds, faults } = row;
    console.log(`${faults.length === 0 ? 'ok    ' : 'FAILED'}  ${name.padEnd(34)} ${broken.padEnd(20)} ${`${tried}`.padStart(2)} run ${`${skipped}`.padStart(2)} not ${`${seconds}`.padStart(4)} s  ${faults.join('; ')}`); // prettier-ignore
  }
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(join(root, 'reports/runbooks.json'), `${JSON.stringify(rows, null, 2)}\n`);
  const failed = rows.filter(({ faults }) => faults.length > 0).length;
  console.log(`runbooks: ${rows.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (isMain(import.meta.url)) main().catch(report);
