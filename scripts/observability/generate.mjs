// Writes what is made from the services' metrics and our boards: the inventory, its page, Grafana's JSON.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from '../lib/run.mjs';
import { BOARDS } from './boards.mjs';
import { EXTERNAL } from './external.mjs';
import { grafanaBoard } from './grafana.mjs';
import { INVENTORY, inventory } from './inventory.mjs';

const DASHBOARDS = 'helm/frontier/dashboards';
const PAGE = 'docs/metrics.md';

const INTRODUCTION = `# Metrics

What the services tell Prometheus on port 9464, made from their code by \`npm run generate\`. Every series has the label
\`service\` too; Prometheus adds those of the target. Rules and boards are checked against this list
(docs/observability.md).`;

/** Writes the files, or with `check` gives the paths of those that are out of date. Needs a build. */
export async function generate({ check = false } = {}) {
  const wanted = await files();
  const old = readdirSync(join(root, DASHBOARDS))
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${DASHBOARDS}/${name}`)
    .filter((path) => !wanted.has(path));
  if (check)
    return [...[...wanted].filter(([path, text]) => read(path) !== text).map(([path]) => path), ...old];
  for (const path of old) rmSync(join(root, path));
  for (const [path, text] of wanted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return [];
}

async function files() {
  const metrics = inventory();
  const texts = new Map([
    [INVENTORY, JSON.stringify(metrics)],
    [PAGE, page(metrics)],
    ...BOARDS.map((board) => [`${DASHBOARDS}/${board.id}.json`, JSON.stringify(grafanaBoard(board))]),
  ]);
  const formatted = [...texts].map(async ([path, text]) => [path, await formatOf(path, text)]);
  return new Map(await Promise.all(formatted));
}

async function formatOf(path, text) {
  const filepath = join(root, path);
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}

function page(metrics) {
  const everywhere = metrics.filter(({ services }) => services.length > 3);
  const names = [...new Set(metrics.flatMap(({ services }) => services))];
  const sections = names.map((service) => {
    const own = metrics.filter((metric) => !everywhere.includes(metric) && metric.services.includes(service));
    return `## ${service}\n\n${table(own)}`;
  });
  const others = Object.entries(EXTERNAL).map(([name, { by }]) => `| \`${name}\` | ${by} |`);
  return [
    INTRODUCTION,
    ...sections,
    `## Every service\n\n${table(everywhere)}`,
    `## Of others\n\nUsed by boards and rules where somebody exports them.\n\n|metric|exported by|\n|---|---|\n${others.join('\n')}`,
  ].join('\n\n');
}

function table(metrics) {
  const rows = metrics.map(({ name, type, labels, help }) => {
    const told = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${told} | ${help.replaceAll('|', '\\|')} |`;
  });
  return `|metric|type|labels|meaning|\n|---|---|---|---|\n${rows.join('\n')}`;
}

function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
