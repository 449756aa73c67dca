// All boards, and what is wrong with their queries.
import { canary } from './boards/canary.mjs';
import { deadLetters } from './boards/dead-letters.mjs';
import { errorBudget } from './boards/error-budget.mjs';
import { latency } from './boards/latency.mjs';
import { overview } from './boards/overview.mjs';
import { queues } from './boards/queues.mjs';
import { workers } from './boards/workers.mjs';
import { checkQuery } from './promql.mjs';

export const BOARDS = [overview, latency, queues, workers, canary, errorBudget, deadLetters];

/** `[{board, panel, query, legend}]` of Grafana's JSON, so that what is checked is what is installed. */
export function panelQueries(dashboard) {
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  return panels.flatMap(
    ({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ board: dashboard.title, panel: title, query: expr, legend: legendFormat })), // prettier-ignore
  );
}

const LEGEND_LABEL = /\{\{\s*(\w+)\s*\}\}/g;

export function boardFaults(dashboard, known) {
  const found = [];
  for (const { board, panel, query, legend } of panelQueries(dashboard)) {
    const say = (what) => found.push(`${board}, ${panel}: ${what}`);
    const { faults, labels } = checkQuery(query, known);
    faults.forEach(say);
    for (const [, label] of (legend ?? '').matchAll(LEGEND_LABEL))
      if (!labels.has(label)) say(`its legend uses a label that the answer does not have: ${label}`);
  }
  for (const { name, query } of dashboard.templating.list) {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    if (metric === undefined) continue;
    const { faults, labels } = checkQuery(metric, known);
    faults.forEach((fault) => found.push(`${dashboard.title}, variable ${name}: ${fault}`));
    if (!labels.has(label))
      found.push(`${dashboard.title}, variable ${name}: ${metric} has no label ${label}`);
  }
  return found;
}
