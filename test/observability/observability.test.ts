import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Registry } from 'prom-client';
import { parse } from 'yaml';
import { startControl } from '../../services/control/src/testing/harness.ts';
import { startStack } from '../support/stack.ts';

const ROOT = join(__dirname, '../..');
const SCRIPTS = join(ROOT, 'scripts/observability');
const RULES = join(ROOT, 'helm/frontier/rules');
const RUNBOOKS = 'docs/runbooks';

interface Alert {
  alert: string;
  labels: { severity: string };
  annotations: { runbook_url: string };
}

interface UnitTest {
  name: string;
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
  promql_expr_test?: { expr: string; exp_samples: { labels: string }[] }[];
}

interface Metric {
  name: string;
  labels: string[];
  services: string[];
}

/** The scripts are ES modules, so they are run as processes; the value of an expression of theirs. */
async function evaluate<T>(module: string, expression: string): Promise<T> {
  const code = `const m = await import(${JSON.stringify(join(SCRIPTS, module))}); console.log(JSON.stringify(${expression}));`;
  const args = ['--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return JSON.parse(stdout) as T;
}

const yamlOf = (folder: string): unknown[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => parse(readFileSync(join(folder, name), 'utf8')) as unknown);

const alerts = (yamlOf(RULES) as { groups: { rules: Partial<Alert>[] }[] }[])
  .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))
  .filter((rule): rule is Alert => rule.alert !== undefined);
const tests = (yamlOf(__dirname) as { tests: UnitTest[] }[]).flatMap((file) => file.tests);

describe('rules and dashboards', () => {
  it('ask only for what is exported', async () => {
    expect(await evaluate('check.mjs', 'm.faults()')).toEqual([]);
  });

  const KNOWN = `new Map([['calls_total', ['code']], ['wait_seconds_bucket', ['priority', 'le']], ['depth', []]])`;
  it.each([
    ['sum by (code) (rate(calls_total[5m]))', []],
    ['rate(cals_total[5m])', ['nobody exports cals_total']],
    ['calls_total{status="500"}', ['no label status: calls_total']],
    ['sum by (model) (calls_total)', ['no label model: (calls_total)']],
    [
      'sum by (code) (calls_total) / sum(calls_total)',
      ['the sides cannot match, {code} and {}: sum by (code) (calls_total) / sum(calls_total)'],
    ],
    [
      'histogram_quantile(0.9, sum by (priority) (wait_seconds_bucket))',
      ['no label le: histogram_quantile(0.9, sum by (priority) (wait_seconds_bucket))'],
    ],
    [
      'depth * on (code) group_left () calls_total',
      ['no label code: depth * on (code) group_left () calls_total'],
    ],
    ['sum(depth', ['does not parse: sum(depth']],
  ])('are told what is wrong with %s', async (query, faults) => {
    const found = await evaluate<string[]>(
      'promql.mjs',
      `m.checkQuery(${JSON.stringify(query)}, ${KNOWN}).faults`,
    );
    expect(found).toEqual(faults);
  });
});

describe('the inventory', () => {
  const inventory = JSON.parse(readFileSync(join(SCRIPTS, 'inventory.json'), 'utf8')) as Metric[];
  /** Every service has those of Node.js; the registries here are bare. */
  const of = (service: string) =>
    inventory
      .filter(({ services, name }) => services.includes(service) && !/^(nodejs|process)_/.test(name))
      .map(({ name, labels }) => [name, labels]);
  const exported = (registry: Registry) =>
    registry
      .getMetricsAsArray()
      .map((metric) => metric as unknown as { name: string; labelNames: string[] })
      .map(({ name, labelNames }) => [name, [...labelNames].sort()] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1));

  it('is what gateway, dispatcher and worker export', async () => {
    const stack = await startStack('simple');
    try {
      for (const [service, registry] of Object.entries(stack.registries)) {
        expect({ [service]: exported(registry) }).toEqual({ [service]: of(service) });
      }
    } finally {
      await stack.stop();
    }
  });

  it('is what the control service exports', async () => {
    const control = await startControl();
    try {
      expect(exported(control.registry)).toEqual(of('control'));
    } finally {
      await control.stop();
    }
  });
});

describe.each(alerts.map((rule) => [rule.alert, rule] as const))('%s', (alert, { labels, annotations }) => {
  const own = tests.filter(({ name }) => name.startsWith(`${alert} `));

  it('has a unit test in which it fires', () => {
    const samples = own
      .flatMap(({ promql_expr_test: asked = [] }) => asked)
      .filter(({ expr }) => expr === `ALERTS{alertname="${alert}",alertstate="firing"}`)
      .flatMap(({ exp_samples: expected }) => expected);
    expect(samples.map(({ labels: told }) => told).join()).toContain(`severity="${labels.severity}"`);
  });

  // The watchdog never is.
  const silent = alert === 'FrontierWatchdog' ? 0 : 1;
  it(`has ${silent} unit tests or more in which it stays silent`, () => {
    const asked = own
      .flatMap(({ alert_rule_test: all = [] }) => all)
      .filter(({ alertname, exp_alerts: expected }) => alertname === alert && expected.length === 0);
    expect(asked.length).toBeGreaterThanOrEqual(silent);
  });

  it('has a runbook', () => {
    const file = `${RUNBOOKS}/${alert.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}.md`;
    expect(annotations.runbook_url.endsWith(`/main/${file}`)).toBe(true);
    expect(existsSync(join(ROOT, file))).toBe(true);
  });
});
