// Everything that may happen to a healthy cluster on a normal day, under a steady load: no call may fail.
import { sleep } from '../lib/run.mjs';
import { OpenLoop } from './open-loop.mjs';

const COMPONENTS = ['gateway', 'dispatcher', 'worker-cpu', 'control', 'canary-controller'];
const ROLLOUT_MS = 240_000;
/** After each step, until what it has begun is over. */
const CALM_MS = 8_000;
const DRAINED = 'frontier.dev/drained=true';

/** `{cluster, namespace, gatewayUrl, say, release?, perSecond?, only?}`; gives `{faults, facts}`, facts by step. */
export async function disruptions({
  cluster,
  namespace,
  gatewayUrl,
  say,
  release = 'frontier',
  perSecond = 50,
  only,
}) {
  const context = { cluster, namespace, release };
  const steps = [
    ...COMPONENTS.map((component) => ({ name: `rolling update of ${component}`, run: () => restart(context, component) })), // prettier-ignore
    ...COMPONENTS.map((component) => ({ name: `deletion of a pod of ${component}`, run: () => deleteOne(context, component) })), // prettier-ignore
    { name: 'drain of the node without the volume of Redis', run: () => drain(context, say) },
  ].filter(({ name }) => !only || name.includes(only));
  const load = new OpenLoop({ gatewayUrl, perSecond }).start();
  const facts = {};
  const faults = [];
  try {
    await sleep(3_000);
    for (const { name, run } of steps) {
      const from = performance.now();
      await run();
      await sleep(CALM_MS);
      const { calls, faults: failed, p99 } = load.since(from);
      facts[name] = { calls, failed: failed.length, p99, seconds: Math.round((performance.now() - from) / 1000) }; // prettier-ignore
      say(`${name}: ${calls} calls, ${failed.length} failed, p99 ${p99} ms`);
      faults.push(...failed.map((fault) => `${name}: ${fault}`));
    }
  } finally {
    await load.stop();
  }
  return { faults, facts };
}

async function restart({ cluster, namespace, release }, component) {
  const of = ['-n', namespace, `deployment/${release}-${component}`];
  await cluster.kubectl(['rollout', 'restart', ...of]);
  await cluster.kubectl(['rollout', 'status', ...of, `--timeout=${ROLLOUT_MS}ms`], { timeoutMs: ROLLOUT_MS });
}

async function deleteOne({ cluster, namespace, release }, component) {
  const { items } = await cluster.json(['get', 'pods', '-n', namespace, '-l', selectorOf(release, component)]); // prettier-ignore
  const [pod] = items.filter(({ metadata, status }) => !metadata.deletionTimestamp && status.phase === 'Running'); // prettier-ignore
  if (!pod) throw new Error(`there is no pod of ${component} to delete`);
  await cluster.kubectl(['delete', 'pod', '-n', namespace, pod.metadata.name, '--timeout=120s'], { timeoutMs: 130_000 }); // prettier-ignore
  await available(cluster, namespace, `${release}-${component}`);
}

function selectorOf(release, component) {
  const [name, worker] = component.split('worker-');
  const which = worker === undefined ? name : `worker,frontier.dev/worker=${worker}`;
  return `app.kubernetes.io/instance=${release},app.kubernetes.io/component=${which}`;
}

async function available(cluster, namespace, deployment) {
  await cluster.kubectl(['rollout', 'status', '-n', namespace, `deployment/${deployment}`, `--timeout=${ROLLOUT_MS}ms`], { timeoutMs: ROLLOUT_MS }); // prettier-ignore
}

/** Only our own pods leave the node: others may use the cluster, too. */
async function drain({ cluster, namespace, release }, say) {
  const { items } = await cluster.json(['get', 'pods', '-n', namespace]);
  const redis = items.find(({ metadata }) => metadata.name === `${release}-redis-0`)?.spec.nodeName;
  const node = items.map(({ spec }) => spec.nodeName).find((name) => name && name !== redis);
  if (!node) throw new Error(`all pods are on ${redis}, beside Redis: there is no other node to drain`);
  const ours = items.filter(({ spec }) => spec.nodeName === node).map(({ metadata }) => metadata.name);
  say(`draining ${node} of ${ours.length} pods; Redis is on ${redis}`);
  await cluster.kubectl(['label', 'pods', '-n', namespace, ...ours, DRAINED]);
  try {
    await cluster.kubectl(['drain', node, `--pod-selector=${DRAINED}`, '--ignore-daemonsets', '--delete-emptydir-data', `--timeout=${ROLLOUT_MS}ms`], { timeoutMs: ROLLOUT_MS }); // prettier-ignore
    for (const component of ['gateway', 'dispatcher', 'worker-cpu'])
      await available(cluster, namespace, `${release}-${component}`);
  } finally {
    await cluster.kubectl(['uncordon', node]);
  }
}
