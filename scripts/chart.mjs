// `npm run chart`: checks helm/frontier without a cluster, where `helm` is on the PATH: lints and renders all
// environments, holds what is rendered against the rules of scripts/chart/rules.mjs, and sees to it that wrong values
// get the message of scripts/chart/bad-values.mjs. `kubeconform`, with LAB_SCHEMAS=<folder of lab/schemas>, checks
// kinds and fields too.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import yaml from 'yaml';
import { BAD_VALUES } from './chart/bad-values.mjs';
import { faultsOf } from './chart/rules.mjs';
import { capture, Problem, report, root, which } from './lib/run.mjs';

const CHART = join(root, 'helm/frontier');
const KUBE_VERSION = '1.29.0';
const OPTIONS = ['--namespace', 'frontier', '--kube-version', KUBE_VERSION];
const HELM_MS = 60_000;

/** Files of values behind values.yaml, by environment. */
const ENVIRONMENTS = {
  dev: ['values-dev.yaml'],
  staging: ['values-staging.yaml'],
  prod: ['values-prod.yaml', 'ci/prod-values.yaml'],
};

async function helm(args) {
  return capture(which('helm'), args, { timeoutMs: HELM_MS });
}

const files = (names) => names.flatMap((name) => ['--values', join(CHART, name)]);

async function render(environment) {
  const values = files(ENVIRONMENTS[environment]);
  const lint = await helm(['lint', CHART, '--quiet', '--strict', '--namespace', 'frontier', ...values]);
  if (lint.code !== 0) throw new Problem(`helm lint of ${environment} failed:\n${lint.output}`);
  const { code, output } = await helm(['template', 'frontier', CHART, ...OPTIONS, ...values]);
  if (code !== 0) throw new Problem(`helm template of ${environment} failed:\n${output}`);
  return output;
}

/** Kinds and fields, by the schemas of a real cluster. */
async function conform(environment, text) {
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
    if (code !== 0) throw new Problem(`${environment} is not what Kubernetes takes:\n${output}`);
    return output.trim();
  } finally {
    await rm(work, { recursive: true });
  }
}

async function checkEnvironment(environment) {
  const text = await render(environment);
  const objects = yaml.parseAllDocuments(text).map((document) => document.toJS());
  const faults = faultsOf(objects.filter((object) => object !== null));
  if (faults.length > 0) throw new Problem(`${environment}:\n  ${faults.join('\n  ')}`);
  console.log(`${environment}: ${objects.length} objects; ${await conform(environment, text)}`);
}

/** Wrong values must be refused, in words that name them. */
async function checkBadValues() {
  const faults = [];
  for (const { environment = 'dev', set, message } of BAD_VALUES) {
    const values = [...files(ENVIRONMENTS[environment]), ...set.flatMap((value) => ['--set-json', value])];
    const { code, output } = await helm(['template', 'frontier', CHART, ...OPTIONS, ...values]);
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
  for (const environment of Object.keys(ENVIRONMENTS)) await checkEnvironment(environment);
  await checkBadValues();
}

main().catch(report);
