// `node scripts/observability-live.mjs`: runs the platform with a real Prometheus and our rules under load, and asks it
// every query of every board. Writes reports/observability.json and, with --picture, docs/images/overview.svg.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPrometheus } from './canary-run/prometheus.mjs';
import { Problem, report, root } from './lib/run.mjs';
import { BOARDS, panelQueries } from './observability/boards.mjs';
import { grafanaBoard } from './observability/grafana.mjs';
import { answers, Asked } from './observability/live-answers.mjs';
import { load } from './observability/live-load.mjs';
import { LiveStack } from './observability/live-stack.mjs';
import { picture } from './observability/picture.mjs';
import { build, setUp } from './setup.mjs';

const HELP = `node scripts/observability-live.mjs [--seconds N] [--rate N] [--picture]

  --seconds N   how long the load goes on (150)
  --rate N      calls a second (20)
  --picture     draws the board Overview from the answers: docs/images/overview.svg`;

function options(args) {
  const number = (name, otherwise) =>
    args.includes(name) ? Number(args[args.indexOf(name) + 1]) : otherwise;
  return { seconds: number('--seconds', 150), rate: number('--rate', 20), draws: args.includes('--picture') };
}

async function run({ seconds, rate, draws }) {
  const prometheus = await findPrometheus();
  if (!prometheus) throw new Problem('This needs the program prometheus on PATH.');
  const { binary: redis } = await setUp();
  if (!redis) throw new Problem('This needs a redis-server program.');
  await build();
  const stack = new LiveStack();
  try {
    await stack.start({ redis, prometheus });
    const statuses = await load(stack.ports, { seconds, rate });
    console.log(`calls by status: ${JSON.stringify(statuses)}`);
    const asked = new Asked(stack.prometheus);
    await tell(asked, statuses);
    if (!draws) return;
    mkdirSync(join(root, 'docs/images'), { recursive: true });
    const file = join(root, 'docs/images/overview.svg');
    writeFileSync(file, await picture(asked, boards()[0], seconds));
  } finally {
    await stack.stop();
  }
}

const boards = () => BOARDS.map((board) => JSON.parse(JSON.stringify(grafanaBoard(board))));

async function tell(asked, statuses) {
  const all = await answers(asked, boards().flatMap(panelQueries));
  const empty = all.filter(({ series }) => series === 0);
  console.log(`${all.length} queries of ${BOARDS.length} boards: ${all.length - empty.length} with data`);
  for (const { board, panel, why } of empty) console.log(`  none  ${board}, ${panel}: ${why}`);
  const sick = await asked.sickRules();
  console.log(sick.length === 0 ? 'all rules are healthy' : `rules with errors:\n  ${sick.join('\n  ')}`);
  const alerts = await asked.alerts();
  for (const { labels, state, annotations } of alerts) console.log(`  alert ${state} ${labels.alertname}: ${annotations.summary}`); // prettier-ignore
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(join(root, 'reports/observability.json'), JSON.stringify({ statuses, queries: all, sick, alerts }, null, 2)); // prettier-ignore
}

if (process.argv.includes('--help') || process.argv.includes('-h')) console.log(HELP);
else run(options(process.argv.slice(2))).catch(report);
