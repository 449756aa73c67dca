// What the cluster test does, in order. A step gives a line to show, and throws where something is not as it has to be.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, root } from '../lib/run.mjs';
import { autoscaling } from './autoscaling.mjs';
import { disruptions } from './disruptions.mjs';
import { drill } from '../runbooks/drill.mjs';
import { Installation } from '../runbooks/installation.mjs';
import { readRunbook, runbookNames } from '../runbooks/parse.mjs';
import { rotated, tryRunbook } from '../runbooks.mjs';
import { firstAnswer, gatewayUrl, install, provideImages, ready, VALUES } from './install.mjs';
import { networks } from './networks.mjs';
import { promotion } from './promotion.mjs';
import { redisLoss } from './redis-loss.mjs';
import { unready } from './unready.mjs';
import { upgrade } from './upgrade.mjs';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const STEPS = [
  { name: 'images', needed: true, run: ({ cluster }) => provideImages(cluster, version) },
  { name: 'install', needed: true, run: installed },
  { name: 'helm-test', run: helmTest },
  { name: 'networks', run: (context) => outcome(networks, { ...context, version }) },
  { name: 'load', run: (context) => experiment(disruptions, context, { only: 'gateway' }) },
  { name: 'upgrade', full: true, run: (context) => experiment(upgrade, context) },
  { name: 'disruptions', full: true, run: (context) => experiment(disruptions, context) },
  { name: 'redis-loss', full: true, run: (context) => experiment(redisLoss, context) },
  { name: 'redis-loss-forced', full: true, run: (context) => experiment(redisLoss, context, { force: true }) }, // prettier-ignore
  { name: 'runbooks', run: (context) => runbooks(context, 2) },
  { name: 'all-runbooks', full: true, run: (context) => runbooks(context, Infinity) },
  { name: 'restore-drill', full: true, run: restoreDrill },
  { name: 'autoscaling', full: true, lab: true, run: (context) => experiment(autoscaling, context) },
  // From here on each has an installation of its own; two at once are too much for two cores.
  { name: 'uninstall', run: ({ cluster, namespace }) => cluster.removeNamespace(namespace) },
  { name: 'gitops', lab: true, run: async ({ cluster }) => cluster.addons(['git', 'argocd']) },
  { name: 'promotion', lab: true, run: ({ cluster }) => outcome(promotion, { cluster }) },
  { name: 'unready', full: true, run: ({ cluster }) => outcome(unready, { cluster, version }) },
];

/** Of `only`, of all, or those that a change has to pass. Throws a Problem for a name that there is not. */
export function stepsOf({ full, only }) {
  const unknown = only?.filter((name) => STEPS.every((step) => step.name !== name)) ?? [];
  if (unknown.length > 0) throw new Problem(`There is no step ${unknown.join(', ')}: ${STEPS.map(({ name }) => name).join(', ')}.`); // prettier-ignore
  return STEPS.filter((step) => (only ? only.includes(step.name) : full || !step.full));
}

async function installed({ cluster, namespace }) {
  await cluster.freshNamespace(namespace);
  const began = performance.now();
  const helm = install(cluster, namespace, VALUES);
  // A failed installation is told at once, not when the answer has not come.
  await Promise.race([firstAnswer(cluster, namespace), helm.then(() => new Promise(() => {}))]);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  await helm;
  await ready(cluster, namespace);
  return `first answer after ${seconds} s`;
}

async function helmTest({ cluster, namespace }) {
  await cluster.helm(['test', 'frontier', '-n', namespace, '--timeout', '3m', '--logs']);
}

/** One that needs the gateways of the installation. */
async function experiment(run, { cluster, namespace }, options = {}) {
  const url = await gatewayUrl(cluster, namespace);
  return outcome(run, { cluster, namespace, gatewayUrl: url, ...options });
}

/** One that gives `{faults, facts}`. */
async function outcome(run, options) {
  const { faults, facts } = await run({ ...options, say: (line) => console.log(`        ${line}`) });
  if (faults.length > 0) throw new Problem(`${faults.length} faults:\n${faults.slice(0, 20).join('\n')}`);
  return JSON.stringify(facts);
}

/** So many of them, others each day. */
async function runbooks({ cluster, namespace }, count) {
  const installation = await Installation.open(namespace, cluster.env);
  const faults = [];
  const names = rotated(runbookNames(), count, Date.now());
  for (const name of names) {
    const row = await tryRunbook(readRunbook(name), installation);
    console.log(`        ${name}: ${row.tried} commands, ${row.skipped} skipped, ${row.seconds} s`);
    faults.push(...row.faults.map((fault) => [name, fault].join(': ')));
  }
  if (faults.length > 0) throw new Problem(faults.join('\n'));
  return names.join(', ');
}

async function restoreDrill({ cluster, namespace }) {
  const installation = await Installation.open(namespace, cluster.env);
  const { rpoS, rtoS, rows, faults } = await drill(installation, (line) => console.log(`        ${line}`));
  const told = `RPO ${JSON.stringify(rpoS)} s, RTO ${rtoS} s, ${rows.filter(({ same }) => same).length} of ${rows.length} hashes alike`;
  if (faults.length > 0) throw new Problem([told, ...faults].join('\n'));
  return told;
}
