// `npm run chart`: checks all charts without a cluster, where `helm` is on the PATH: lints and renders them with the
// values of RENDERS, holds what is rendered against the rules of scripts/chart/rules.mjs, and sees to it that wrong
// values of helm/frontier get the message of scripts/chart/bad-values.mjs. `kubeconform`, with LAB_SCHEMAS=<folder of
// lab/schemas>, checks kinds and fields too.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import yaml from 'yaml';
import { BAD_VALUES } from './chart/bad-values.mjs';
import { faultsOf } from './chart/rules.mjs';
import { capture, Problem, report, root, which } from './lib/run.mjs';

const NAMESPACE = ['--namespace', 'frontier'];
const HELM_MS = 60_000;

/** A chart's folder, and its files of values behind values.yaml. Together they render every kind. */
const RENDERS = {
  dev: { chart: 'helm/frontier', values: ['values-dev.yaml'] },
  staging: { chart: 'helm/frontier', values: ['values-staging.yaml'] },
  prod: { chart: 'helm/frontier', values: ['values-prod.yaml', 'ci/prod-values.yaml'] },
  keda: { chart: 'helm/frontier', values: ['values-staging.yaml', 'ci/keda-values.yaml'] },
  hpa: { chart: 'helm/frontier', values: ['values-dev.yaml', 'ci/hpa-values.yaml'] },
  'model with a canary': { chart: 'helm/frontier-model', values: ['ci/canary-values.yaml'] },
  'model without': { chart: 'helm/frontier-model', values: ['ci/stable-values.yaml'] },
  argocd: { chart: 'argocd', values: ['ci/example-values.yaml'] },
};

async function helm(args) {
  return capture(which('helm'), args, { timeoutMs: HELM_MS });
}

/** The chart and its values, as arguments of helm. */
function chartOf(name) {
  const { chart, values } = RENDERS[name];
  return [join(root, chart), ...values.flatMap((file) => ['--values', join(root, chart, file)])];
}

/** Rendered for the oldest Kubernetes that the chart takes. */
async function template(name, more = []) {
  const { kubeVersion } = yaml.parse(readFileSync(join(root, RENDERS[name].chart, 'Chart.yaml'), 'utf8'));
  const [oldest] = /\d+\.\d+\.\d+/.exec(kubeVersion);
  return helm(['template', 'frontier', ...chartOf(name), ...NAMESPACE, '--kube-version', oldest, ...more]);
}

async function render(name) {
  const lint = await helm(['lint', ...chartOf(name), '--quiet', '--strict', ...NAMESPACE]);
  if (lint.code !== 0) throw new Problem(`helm lint of ${name} failed:\n${lint.output}`);
  const { code, output } = await template(name);
  if (code !== 0) throw new Problem(`helm template of ${name} failed:\n${output}`);
  return output;
}

/** Kinds and fields, by the schemas of a real cluster. */
async function conform(name, text) {
  const { LAB_SCHEMAS: folder } = process.env;
  if (!folder || !which('kubeconform')) return 'kinds and fields not checked (kubeconform, LAB_SCHEMAS)';
  const place = `${folder}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
  const work = await mkdtemp(join(tmpdir(), 'frontier-chart-'));
  try {
    const file = join(work, 'rendered.yaml');
    await writeFile(file, text);
    // The Gateway API's kinds are in no cluster that does not have it.
    const args = ['-strict', '-summary', '-skip', 'HTTPRoute', '-schema-location', place, file];
    const { code, output } = await capture(which('kubeconform'), args);
    if (code !== 0) throw new Problem(`${name} is not what Kubernetes takes:\n${output}`);
    return output.trim();
  } finally {
    await rm(work, { recursive: true });
  }
}

async function check(name) {
  const text = await render(name);
  const objects = yaml.parseAllDocuments(text).map((document) => document.toJS()).filter((object) => object !== null); // prettier-ignore
  const faults = faultsOf(objects);
  if (faults.length > 0) throw new Problem(`${name}:\n  ${faults.join('\n  ')}`);
  console.log(`${name}: ${objects.length} objects; ${await conform(name, text)}`);
}

/** Wrong values must be refused, in words that name them. */
async function checkBadValues() {
  const faults = [];
  for (const { environment = 'dev', set, message } of BAD_VALUES) {
    const values = set.flatMap((value) => ['--set-json', value]);
    const { code, output } = await template(environment, values);
    const told = output.replaceAll(/\s+/g, ' ');
    if (code === 0) faults.push(`${set.join(' ')}: was accepted`);
    else if (!told.includes(message)) faults.push(`${set.join(' ')}: expected “${message}”, got: ${told}`);
  }
  if (faults.length > 0) throw new Problem(`wrong values:\n  ${faults.join('\n  ')}`);
  console.log(`${BAD_VALUES.length} wrong values are refused, each by its name`);
}

async function main() {
  if (!which('helm')) {
    console.log('The chart was not checked: there is no `helm` on the PATH (https://helm.sh, version 3).');
    return;
  }
  for (const name of Object.keys(RENDERS)) await check(name);
  await checkBadValues();
}

main().catch(report);
