// A burst of jobs for a pool that has no pod: KEDA brings pods, all jobs complete, the pods go again.
import { sleep } from '../lib/run.mjs';
import { install, ready, VALUES } from './install.mjs';
import { HttpClient } from './open-loop.mjs';

/** The pool `batch` is KEDA's. */
const SCALED = {
  ...VALUES,
  workers: {
    ...VALUES.workers,
    batch: {
      ...VALUES.workers.batch,
      autoscaling: { minReplicas: 1, maxReplicas: 2, requestsPerReplica: 50, maxWaitSeconds: 5, cooldownSeconds: 20, scaleToZero: true }, // prettier-ignore
    },
  },
  autoscaling: { mode: 'keda', prometheusAddress: 'http://prometheus.monitoring:9090', pollingSeconds: 5 },
  networkPolicy: { redisFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'keda' } } }] }, // prettier-ignore
};
const WAKES_MS = 120_000;
const ENDS_MS = 300_000;
/** Some times its cooldown: the autoscaler steps down from two to one first. */
const SLEEPS_MS = 240_000;

/**
 * `{cluster, namespace, gatewayUrl, say, deployment?, jobs?, most?}`; hands the pool that alone serves the model `mlp`
 * over to KEDA. Gives `{faults, facts}`.
 */
export async function autoscaling({
  cluster,
  namespace,
  gatewayUrl,
  say,
  deployment = 'frontier-worker-batch',
  jobs = 400,
  most = 2,
}) {
  await cluster.addons(['prometheus', 'keda']);
  await install(cluster, namespace, SCALED);
  await ready(cluster, namespace);
  const faults = [];
  const watch = watchReplicas(cluster, namespace, deployment);
  const client = new HttpClient(gatewayUrl);
  try {
    await watch.until(({ pods }) => pods === 0, SLEEPS_MS, 'no pod before the burst');
    const began = performance.now();
    const since = () => Math.round((performance.now() - began) / 100) / 10;
    const accepted = await submitAll(client, jobs, faults);
    say(`${accepted.length} of ${jobs} jobs accepted after ${since()} s, ${watch.now.pods} pods`);
    const ends = collect(client, accepted, faults);
    await watch.until(({ ready }) => ready >= 1, WAKES_MS, 'a pod is ready');
    const firstPod = since();
    say(`the first pod is ready after ${firstPod} s`);
    await ends;
    const lastEnd = since();
    say(`all jobs have ended after ${lastEnd} s`);
    await watch.until(({ pods }) => pods === 0, SLEEPS_MS, 'no pod after the burst');
    const gone = since();
    say(`no pod is left after ${gone} s`);
    if (watch.now.most < most) faults.push(`${watch.now.most} pods at most, not ${most}`);
    return { faults, facts: { jobs: accepted.length, firstPodS: firstPod, lastEndS: lastEnd, goneS: gone, mostPods: watch.now.most } }; // prettier-ignore
  } finally {
    await watch.stop();
    client.close();
  }
}

/** Looks every second; `until` rejects with what was awaited. */
function watchReplicas(cluster, namespace, deployment) {
  const now = { pods: NaN, ready: 0, most: 0, stopped: false };
  const loop = (async () => {
    while (!now.stopped) {
      const { spec, status } = await cluster
        .json(['get', 'deployment', deployment, '-n', namespace])
        .catch(() => ({ spec: {}, status: {} }));
      if (spec.replicas !== undefined) {
        now.pods = Math.max(spec.replicas, status.replicas ?? 0);
        now.ready = status.readyReplicas ?? 0;
        now.most = Math.max(now.most, status.replicas ?? 0);
      }
      await sleep(1_000);
    }
  })();
  return {
    now,
    async until(test, limitMs, what) {
      const end = performance.now() + limitMs;
      while (!test(now)) {
        if (performance.now() > end) throw new Error(`not within ${limitMs / 1000} s: ${what}; there are ${now.pods} pods, ${now.ready} ready`); // prettier-ignore
        await sleep(200);
      }
    },
    stop() {
      now.stopped = true;
      return loop;
    },
  };
}

/** One row of numbers a job, of eight different ones: the same row must get the same answer. */
const rowOf = (n) => Array.from({ length: 256 }, (_, i) => ((i * (n % 8) + n) % 17) / 8 - 1);

async function submitAll(client, jobs, faults) {
  const accepted = [];
  const submit = async (n) => {
    const kind = n % 8;
    const { status, body } = await client.call('POST', '/v1/jobs', { model: 'mlp', inputs: { x: [rowOf(kind)] } }); // prettier-ignore
    if (status === 202) accepted.push({ id: body.data.id, kind });
    else faults.push(`job ${n} was refused: ${status} ${body.error?.code}: ${body.error?.message}`);
  };
  await Promise.all(Array.from({ length: jobs }, (_, n) => submit(n).catch((error) => faults.push(`job ${n}: ${error.message}`)))); // prettier-ignore
  return accepted;
}

/** Polls until each job has its end. */
async function collect(client, accepted, faults) {
  const answers = new Map();
  const end = performance.now() + ENDS_MS;
  for (let open = accepted; open.length > 0;) {
    if (performance.now() > end) {
      faults.push(`${open.length} jobs have no end after ${ENDS_MS / 1000} s`);
      return;
    }
    await sleep(500);
    const states = await Promise.all(open.map(({ id }) => client.call('GET', `/v1/jobs/${id}`).catch(() => undefined))); // prettier-ignore
    open = open.filter((job, i) => !isOver(job, states[i], answers, faults));
  }
}

function isOver({ id, kind }, state, answers, faults) {
  // A gateway that cannot be reached says nothing about the job.
  if (state === undefined || state.status >= 500) return false;
  if (state.status !== 200) return faults.push(`job ${id} is lost: ${state.status}`);
  const { status, result, error } = state.body.data;
  if (status === 'processing' || status === 'retrying') return false;
  if (status !== 'completed') return faults.push(`job ${id} ${status}: ${error?.message}`);
  const answer = JSON.stringify(result.outputs);
  if (!answers.has(kind)) answers.set(kind, answer);
  else if (answers.get(kind) !== answer) faults.push(`job ${id} has another answer than its like`);
  return true;
}
