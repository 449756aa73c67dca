// The rule files, and what they and the boards may refer to.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../lib/run.mjs';
import { EXTERNAL } from './external.mjs';
import { checkQuery } from './promql.mjs';

export const RULES = join(root, 'helm/frontier/rules');
/** What an annotation may use of an alert beside the labels of its query. */
const LABEL_USED = /\$labels\.(\w+)/g;

/** All rules in the order in which they are read. */
export function readRules(folder = RULES) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((file) =>
      parse(readFileSync(join(folder, file), 'utf8')).groups.flatMap(({ rules }) =>
        rules.map((rule) => ({ ...rule, file })),
      ),
    );
}

/** From the name of each series that can be asked for to its labels: exported, of others, recorded. */
export function knownSeries(metrics, rules) {
  const known = new Map();
  for (const { name, type, labels } of metrics) {
    if (type !== 'histogram') known.set(name, labels);
    else for (const part of ['bucket', 'sum', 'count']) known.set(`${name}_${part}`, part === 'bucket' ? [...labels, 'le'] : labels); // prettier-ignore
  }
  for (const [name, { labels }] of Object.entries(EXTERNAL)) known.set(name, labels);
  const faults = recordInto(known, rules);
  return { known, faults };
}

/** A rule may use what another one records, in whichever file: each is tried until nothing new is learnt. */
function recordInto(known, rules) {
  let open = rules.filter(({ record }) => record);
  for (;;) {
    const failed = [];
    const learnt = new Map();
    for (const rule of open) {
      const { faults, labels } = checkQuery(String(rule.expr), known);
      if (faults.length > 0) failed.push({ rule, faults });
      else learnt.set(rule.record, new Set([...(learnt.get(rule.record) ?? []), ...labels, ...Object.keys(rule.labels ?? {})])); // prettier-ignore
    }
    for (const [name, labels] of learnt) known.set(name, [...labels]);
    if (failed.length === 0 || failed.length === open.length)
      return failed.flatMap(({ rule, faults }) =>
        faults.map((fault) => `${rule.file} ${rule.record}: ${fault}`),
      );
    open = failed.map(({ rule }) => rule);
  }
}

/** What is wrong with the alerts: queries, and labels that their texts use. */
export function alertFaults(rules, known) {
  return rules.filter(({ alert }) => alert).flatMap((rule) => faultsOf(rule, known));
}

function faultsOf({ alert, file, expr, labels: own = {}, annotations = {} }, known) {
  const { faults, labels } = checkQuery(String(expr), known);
  const found = faults.map((fault) => `${file} ${alert}: ${fault}`);
  const say = (what) => found.push(`${file} ${alert}: ${what}`);
  if (!['critical', 'warning', 'none'].includes(own.severity))
    say('severity must be critical, warning or none');
  for (const name of ['summary', 'description', 'runbook_url']) if (!annotations[name]) say(`has no ${name}`);
  for (const text of Object.values(annotations))
    for (const [, label] of text.matchAll(LABEL_USED))
      if (!labels.has(label) && !(label in own)) say(`its text uses a label that it does not have: ${label}`);
  return found;
}
