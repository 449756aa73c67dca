// A canary that Argo CD brings to the cluster: a good version becomes stable without a pod being restarted, one with
// errors goes and its digest is blocked.
import { sleep } from '../lib/run.mjs';
import { GitOps } from './argo.mjs';
import { ClusterCanary, platformValues, REGISTRY_URL, startRegistry } from './canary.mjs';
import { install, ready } from './install.mjs';

const NAMESPACE = 'frontier-promotion';
const RATE = 50;
const WARM_MS = 30_000;
const GIT = { to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'git' } } }], ports: [{ port: 8080 }] }; // prettier-ignore
/** Where the lab's API server is: a policy has to name that, not its ClusterIP. */
const KUBERNETES = { to: [{ ipBlock: { cidr: '10.78.0.2/32' } }], ports: [{ port: 6443 }] };
const OFF_S = 60;
/** 30 s blocks and 1,000 canary requests. */
const POLICY = {
  steps: [2_500, 5_000, 10_000],
  scrapeMs: 1_000,
  blockMs: 30_000,
  blockRequests: 100,
  advanceRequests: 200,
  promoteRequests: 1_000,
  aaRequests: 400,
  watchMs: 10_000,
  autoPromote: true,
  // Everything shares the cores of this machine.
  objective: { latencyMs: 2_000 },
  // And its calls are late in clusters, so eight count as one: the margins by default would need 15,000 calls.
  nonInferior: { latencyRatio: 4, errorsRate: 0.02 },
  material: { p95FloorMs: 50 },
};

/** `{cluster, say}`; gives `{faults, facts}`. */
export async function promotion({ cluster, say }) {
  await cluster.freshNamespace(NAMESPACE);
  const gitops = new GitOps(cluster, { namespace: NAMESPACE });
  const canary = new ClusterCanary(cluster, { namespace: NAMESPACE, gitops });
  try {
    await startRegistry(cluster, NAMESPACE);
    const first = await canary.publish('1', 'good');
    gitops.push({ slotValues: `repository: { url: ${REGISTRY_URL} }\nslot: { resources: { requests: { cpu: 100m, memory: 256Mi } } }\n` }); // prettier-ignore
    await gitops.install();
    const values = platformValues({ environment: 'dev', environmentsUrl: gitops.environmentsUrl, git: GIT, kubernetes: KUBERNETES }); // prettier-ignore
    await install(cluster, NAMESPACE, values);
    await ready(cluster, NAMESPACE);
    await canary.start({ rate: RATE });
    await canary.approve('1', first, 'production');
    // The A/A phase decides where the tails of the latencies begin: not in the minute in which everything starts.
    await sleep(WARM_MS);
    say('installed; version 1 has all calls');
    return await rollouts(canary, gitops, say);
  } finally {
    await canary.stop();
    await gitops.uninstall();
    await cluster.removeNamespace(NAMESPACE);
  }
}

async function rollouts(canary, gitops, say) {
  const good = await roll(canary, '2', 'good', '1', 540_000);
  say(`good: ${JSON.stringify(good)}`);
  const bad = await roll(canary, '3', 'failing', good.phase === 'promoted' ? '2' : '1', 240_000);
  say(`errors: ${JSON.stringify(bad)}`);
  const history = gitops.history().map(({ subject }) => subject);
  const faults = [
    ...(good.phase === 'promoted' ? [] : [`the good version ended as ${good.phase}: ${good.reason}`]),
    ...restartedOf(good),
    ...(bad.phase === 'rolled-back' ? [] : [`the bad version ended as ${bad.phase}: ${bad.reason}`]),
    ...(bad.seconds !== null && bad.seconds <= OFF_S
      ? []
      : [`the bad version was off after ${bad.seconds} s`]),
    ...(history.some((subject) => /rollback .*, blocked$/.test(subject))
      ? []
      : ['Git does not block the bad version']),
    ...[good, bad].flatMap(({ replayed }) => (replayed ? [] : ['a replay gives other decisions'])),
  ];
  return { faults, facts: { good: good.seconds, bad: bad.seconds, calls: canary.calls, history } };
}

async function roll(canary, version, kind, stable, timeoutMs) {
  const canaryDigest = await canary.publish(version, kind);
  await canary.approve(version, canaryDigest);
  return canary.roll({ stable, canary: version, canaryDigest, policy: POLICY, timeoutMs });
}

/** Pods of the version's slot that are not the very ones that ran before it was promoted. */
function restartedOf({ before = {}, after = {} }) {
  const pods = Object.values(before).flatMap((slot) => (slot.version === '2' ? slot.pods : []));
  const now = new Map(Object.values(after).flatMap((slot) => slot.pods.map((pod) => [pod.uid, pod])));
  if (pods.length === 0) return ['the slot of the good version was never seen'];
  return pods.flatMap((pod) => (now.get(pod.uid)?.restarts === pod.restarts ? [] : [`the pod ${pod.name} was started anew`])); // prettier-ignore
}
