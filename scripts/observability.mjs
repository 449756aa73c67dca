// `npm run observability`: checks rules, boards and routes; with promtool and amtool, their tests too.
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { faults } from './observability/check.mjs';
import { RULES, readRules } from './observability/rules.mjs';
import { capture, Problem, report, root, whichAll } from './lib/run.mjs';

const HELP = `npm run observability: checks rules, dashboards and alert routes.

Names and labels are checked against the metrics that the services export. promtool (of Prometheus) and amtool (of
Alertmanager) check and test the rest; they are looked for on PATH and in ~/.cache/frontier-lab/bin, and are left out
where there are none.`;

const TESTS = join(root, 'test/observability');
const ALERTMANAGER = join(root, 'helm/frontier/alertmanager/alertmanager.yaml');
/** Who must hear of an alert, by severity. */
const RECEIVERS = { critical: 'pager,mail', warning: 'mail', none: 'heartbeat' };
const TEST_MS = 300_000;

const yamlFiles = (folder) => readdirSync(folder).filter((name) => name.endsWith('.yaml')).map((name) => join(folder, name)); // prettier-ignore
const find = (name) => whichAll(name, [join(process.env.LAB_CACHE ?? join(homedir(), '.cache/frontier-lab'), 'bin')])[0]; // prettier-ignore

class Report {
  failed = 0;

  line(what, ok, details = '') {
    console.log(`${ok ? 'ok      ' : 'FAILED  '}${what}`);
    if (ok) return;
    this.failed += 1;
    console.log(details.trimEnd().replace(/^/gm, '        '));
  }

  async run(what, command, args, isGood = () => true) {
    const { code, output } = await capture(command, args, { timeoutMs: TEST_MS });
    this.line(what, code === 0 && isGood(output), output);
  }

  skip(what, program) {
    console.log(`left out ${what}: no ${program} on PATH or in ~/.cache/frontier-lab/bin`);
  }
}

async function rules(told) {
  const promtool = find('promtool');
  if (!promtool) return told.skip('promtool check and test of the rules', 'promtool');
  await told.run('promtool check rules', promtool, ['check', 'rules', '--lint=all', ...yamlFiles(RULES)]);
  for (const file of yamlFiles(TESTS))
    await told.run(`promtool test rules ${file.slice(TESTS.length + 1)}`, promtool, ['test', 'rules', file]);
}

async function routes(told) {
  const amtool = find('amtool');
  if (!amtool) return told.skip('amtool check of the routes', 'amtool');
  await told.run('amtool check-config', amtool, ['check-config', ALERTMANAGER]);
  for (const { alert, labels } of readRules().filter((rule) => rule.alert)) {
    const receivers = RECEIVERS[labels.severity];
    const wanted = [
      'config',
      'routes',
      'test',
      `--config.file=${ALERTMANAGER}`,
      `--verify.receivers=${receivers}`,
    ];
    const what = `amtool: ${alert} (${labels.severity}) goes to ${receivers}`;
    await told.run(what, amtool, [...wanted, `alertname=${alert}`, `severity=${labels.severity}`, 'namespace=prod']); // prettier-ignore
  }
}

async function main() {
  if (process.argv.includes('--help') || process.argv.includes('-h')) return console.log(HELP);
  const told = new Report();
  const found = faults();
  told.line('names, labels and texts of rules and dashboards', found.length === 0, found.join('\n'));
  await rules(told);
  await routes(told);
  if (told.failed > 0) throw new Problem(`${told.failed} checks failed`);
}

main().catch(report);
