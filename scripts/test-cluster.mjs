// npm run test:cluster: installs the chart on a real cluster from images built here, and breaks things. docs/kubernetes.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from './cluster/cluster.mjs';
import { attach, isMain, node, Problem, report, root } from './lib/run.mjs';
import { build, setUp } from './setup.mjs';

const HELP = `npm run test:cluster -- [options]
  --full          every step; without it those that a change has to pass, in less than 20 minutes
  --only <a,b>    only these steps, on what an earlier run with --keep has installed
  --keep          leaves everything installed
  --json          the rows as the last line of the output

It runs on the lab beside the repository, or on another cluster with FRONTIER_TEST_CLUSTER=<context>, whose nodes have
the images frontier/<name>:<version> and whose ClusterIPs can be reached from here; what needs the lab's add-ons is left
out there. It touches only namespaces that carry the label frontier.dev/test=true.`;

/** Runs the steps in turn; a failed one ends the run where the others need it. Rows `{name, ok, seconds, told}`. */
async function runSteps(steps, context) {
  const rows = [];
  for (const { name, needed = false, lab = false, run } of steps) {
    if (lab && !context.cluster.lab) {
      console.log(`not run ${name.padEnd(28)} needs the lab`);
      continue;
    }
    const startedAt = performance.now();
    let ok = true;
    let told;
    try {
      told = await run(context);
    } catch (error) {
      ok = false;
      told = error instanceof Problem ? error.message : error.stack;
    }
    const row = { name, ok, seconds: Math.round((performance.now() - startedAt) / 100) / 10, told };
    rows.push(row);
    console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(28)} ${row.seconds.toFixed(1).padStart(6)} s  ${told ?? ''}`); // prettier-ignore
    if (!ok && needed) break;
  }
  return rows;
}

async function main() {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  await setUp();
  if (Number(process.versions.node.split('.')[0]) < 24)
    process.exit(await attach(node, process.argv.slice(1)));
  await build();
  const { stepsOf } = await import('./cluster/steps.mjs');
  const steps = stepsOf({ full: values.full, only: values.only?.split(',') });
  const cluster = await Cluster.open();
  const context = { cluster, namespace: 'frontier-test' };
  let rows;
  try {
    rows = await runSteps(steps, context);
  } finally {
    if (!values.keep) await cluster.removeNamespace(context.namespace).catch(() => undefined);
    await cluster.close(values);
  }
  const failed = rows.filter(({ ok }) => !ok).length;
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(join(root, 'reports/test-cluster.json'), `${JSON.stringify(rows, null, 2)}\n`);
  if (values.json) console.log(JSON.stringify({ rows }));
  console.log(`cluster: ${rows.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (isMain(import.meta.url)) main().catch(report);
