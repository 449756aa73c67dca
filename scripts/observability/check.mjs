// What is wrong with rules and boards, without Prometheus: names, labels, texts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';
import { BOARDS, boardFaults } from './boards.mjs';
import { grafanaBoard } from './grafana.mjs';
import { INVENTORY } from './inventory.mjs';
import { alertFaults, knownSeries, readRules } from './rules.mjs';

/** One text a fault; none: all is well. */
export function faults() {
  const metrics = JSON.parse(readFileSync(join(root, INVENTORY), 'utf8'));
  const rules = readRules();
  const { known, faults: recorded } = knownSeries(metrics, rules);
  const boards = BOARDS.flatMap((board) =>
    boardFaults(JSON.parse(JSON.stringify(grafanaBoard(board))), known),
  );
  return [...recorded, ...alertFaults(rules, known), ...boards];
}
