// The chart is installed where nothing that it needs is ready: no PostgreSQL, no Redis, no model in the volume. Each is
// told by name, and when it comes the installation ends up answering, without a hand on any pod.
import { join } from 'node:path';
import { capture, root, sleep } from '../lib/run.mjs';
import { firstAnswer, install } from './install.mjs';
import { startPod } from './pod.mjs';

const NAMESPACE = 'frontier-unready';
const SERVERS = join(root, 'test/cluster/outside/servers.yaml');
const TOLD_MS = 120_000;
/** A container that failed some times waits for up to five minutes before it tries again. */
const ANSWER_MS = 420_000;

const to = (app, port) => [{ to: [{ podSelector: { matchLabels: { app } } }], ports: [{ port }] }];
const VALUES = {
  redis: { enabled: false, existingSecret: 'outside-redis' },
  postgresql: { enabled: false, existingSecret: 'outside-postgresql' },
  models: { source: 'volume', volume: { existingClaim: 'models' } },
  networkPolicy: { egress: { redis: to('outside-redis', 6379), postgresql: to('outside-postgresql', 5432) } },
  gateway: { replicas: 1 },
  dispatcher: { replicas: 1 },
  workers: { cpu: { replicas: 1, models: ['simple'] } },
  podDisruptionBudgets: { enabled: false },
};

/** `{cluster, version, say}`, `version` of the images; gives `{faults, facts}`. */
export async function unready({ cluster, version, say }) {
  const kubectl = (...args) => cluster.kubectl(['-n', NAMESPACE, ...args]);
  await cluster.freshNamespace(NAMESPACE);
  try {
    await kubectl('apply', '-f', SERVERS);
    const facts = { refused: await refused(cluster) };
    say(`without PostgreSQL: ${facts.refused}`);
    await kubectl('scale', 'deployment/outside-postgresql', '--replicas=1');
    await kubectl('rollout', 'status', 'deployment/outside-postgresql', '--timeout=100s');
    await install(cluster, NAMESPACE, VALUES);
    facts.volume = await told(cluster, 'describe', /the claim models has no .*copy models into it/, ['describe', 'pods', '-l', 'app.kubernetes.io/component=worker']); // prettier-ignore
    say(`with an empty volume: ${facts.volume}`);
    await fill(cluster, version);
    const gateway = 'app.kubernetes.io/component=gateway';
    facts.redis = await told(cluster, 'logs', /.*(?:ECONNREFUSED|outside-redis).*/, ['logs', '-l', gateway, '--all-containers', '--tail=50']); // prettier-ignore
    say(`without Redis: ${facts.redis}`);
    await kubectl('scale', 'deployment/outside-redis', '--replicas=1');
    const began = performance.now();
    await firstAnswer(cluster, NAMESPACE, ANSWER_MS);
    facts.answerS = Math.round((performance.now() - began) / 1_000);
    return { faults: [], facts };
  } finally {
    await cluster.removeNamespace(NAMESPACE);
  }
}

/** What the migration says when helm gives up. */
async function refused(cluster) {
  const installing = install(cluster, NAMESPACE, VALUES, { timeout: '60s' });
  const [said] = await Promise.all([
    told(cluster, 'logs', /.*waiting for the database.*/, [
      'logs',
      '-l',
      'app.kubernetes.io/component=migrate',
      '--tail=20',
    ]),
    installing.then(
      () => Promise.reject(new Error('helm installed without a PostgreSQL')),
      () => undefined,
    ),
  ]);
  return said;
}

/** What `kubectl` prints that is like `pattern`. Throws when it does not within two minutes. */
async function told(cluster, what, pattern, args) {
  const end = performance.now() + TOLD_MS;
  for (;;) {
    const { output } = await capture('kubectl', ['-n', NAMESPACE, ...args], { env: cluster.env });
    const found = pattern.exec(output);
    if (found) return found[0].trim();
    if (performance.now() > end) throw new Error(`kubectl ${what} says nothing like ${pattern}:\n${output.slice(-1_500)}`); // prettier-ignore
    await sleep(1_000);
  }
}

/** Copies the models that ship into the volume. */
function fill(cluster, version) {
  const container = {
    name: 'fill',
    image: `frontier/models:${version}`,
    command: ['/usr/local/bin/copy-models', '/volume'],
    volumeMounts: [{ name: 'models', mountPath: '/volume' }],
  };
  const volumes = [{ name: 'models', persistentVolumeClaim: { claimName: 'models' } }];
  return startPod(cluster, NAMESPACE, container, { volumes, until: 'jsonpath={.status.phase}=Succeeded' });
}
