// The broken states in which runbooks are tried. Each breaks an installation and gives back how it is undone, as far
// as more is needed than the former number of replicas.
import { sleep } from '../lib/run.mjs';

const NUMBERS = Array.from({ length: 16 }, (_, i) => i);
const SIMPLE = { model: 'simple', inputs: { INPUT0: [NUMBERS], INPUT1: [NUMBERS] } };
/** The time of an example; nothing compares it. */
const AT = 1_700_000_000_000;
const CANARY = { stable: '1', canary: '2', model: 'text-direction' };

const gone = (kind, name) => async (installation) => {
  await installation.scale(kind, name, 0);
  await until(`no pod of ${name}`, withoutPods(installation, name));
};

/** Polls until it holds; a state that does not come about is a failure of the test, not of the runbook. */
async function until(what, holds, timeoutMs = 120_000) {
  const end = Date.now() + timeoutMs;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`the state did not come about: ${what}`);
    await sleep(1_000);
  }
}

const withoutPods = (installation, component) => async () =>
  (await installation.kubectl(['get', 'pods', '-l', `app.kubernetes.io/component=${component}`, '-o', 'name'])) === ''; // prettier-ignore

/** Of the pool that serves `simple`. */
const withoutWorker = (installation) => withoutPods(installation, 'worker,frontier.dev/worker=cpu');

/** A rollout that runs and goes nowhere: the digest of its canary lies in no repository. */
async function rollout(installation) {
  const { model, stable, canary } = CANARY;
  const row = (version, state, digit) =>
    `('${model}', '${version}', '${model}_${version}', 'sha256:${digit.repeat(64)}', '', '{"datasetHash":"sha256:${digit.repeat(64)}","commit":"0000000","configurationHash":"sha256:${digit.repeat(64)}","environmentHash":"sha256:${digit.repeat(64)}","metrics":{},"parent":null}', '${state}', 'runbooks', ${AT}, ${AT})`;
  await installation.sql(`insert into frontier.versions values ${row(stable, 'production', '1')}, ${row(canary, 'approved', '2')} on conflict do nothing`); // prettier-ignore
  await installation.sql(`update frontier.versions set state = 'approved' where model = '${model}' and version = '${canary}'`); // prettier-ignore
  await installation.frontier('rollouts', 'start', `${model}@${canary}`, '--why', 'a runbook is tried');
  return async () => {
    const running = await installation.frontier('--json', 'rollouts', 'list', '--running');
    // One that has ended meanwhile refuses it; what counts is that none runs.
    for (const [, id] of running.matchAll(/"id":"([^"]+)"/g)) await installation.frontier('rollouts', 'abort', id, '--why', 'a runbook was tried').catch(() => undefined); // prettier-ignore
    const none = async () => !(await installation.frontier('--json', 'rollouts', 'list', '--running')).includes('"id"'); // prettier-ignore
    await until('no rollout runs', none);
  };
}

/** 120 requests whose deadlines pass while there is no worker. */
async function deadLetters(installation) {
  await installation.scale('deploy', 'worker-cpu', 0);
  await until('no worker', withoutWorker(installation));
  await installation.post('/v1/jobs', { ...SIMPLE, deadline_ms: 1_000 }, { times: 120 });
  const letters = async () =>
    (await installation.frontier('--json', 'dlq', 'list', '--limit', '200')).split('"id"').length > 101;
  await until('more than 100 dead letters', letters);
  await installation.scale('deploy', 'worker-cpu', 1);
  await installation.kubectl(['rollout', 'status', 'deploy/frontier-worker-cpu', '--timeout=120s'], { timeoutMs: 125_000 }); // prettier-ignore
  return async () => {
    await installation.frontier('dlq', 'purge', '--newer-than', '1d', '--limit', '500', '--yes', '--why', 'a runbook was tried'); // prettier-ignore
  };
}

async function noWorkers(installation) {
  await installation.scale('deploy', 'worker-cpu', 0);
  await until('no worker', withoutWorker(installation));
  await installation.post('/v1/jobs', { ...SIMPLE, deadline_ms: 300_000 }, { times: 150 });
}

/** Texts that a small machine needs a minute for. */
async function busy(installation) {
  const body = { model: 'tiny-gpt', prompt: 'Once upon a time', params: { max_new_tokens: 120 } };
  await installation.post('/v1/jobs', body, { times: 40 });
}

/** A release of the chart that is bad; the runbook takes it back, or else we do. */
const release = (set) => async (installation) => {
  const revision = async () =>
    JSON.parse(await installation.helm(['history', 'frontier', '-o', 'json'])).at(-1);
  const { revision: before } = await revision();
  await installation.upgrade(set);
  const bad = (await revision()).revision;
  await sleep(5_000);
  return async () => {
    if ((await revision()).revision === bad) await installation.helm(['rollback', 'frontier', `${before}`, '--no-hooks']); // prettier-ignore
  };
};

async function noBackup(installation) {
  const hold = ['exec', 'deploy/frontier-backup', '-c', 'postgresql', '--', 'touch', '/backup/postgresql/hold', '/backup/redis/hold']; // prettier-ignore
  await installation.kubectl(hold);
  return () => installation.kubectl([...hold.slice(0, 5), 'rm', '-f', ...hold.slice(-2)]);
}

/** What the runbook changes is put back, also in the servers that know the new secrets. */
async function secrets(installation) {
  const names = ['redis', 'postgresql'].map((of) => `frontier-${of}-development`);
  const read = async () => JSON.parse(await installation.kubectl(['get', 'secrets', ...names, '-o', 'json'])).items; // prettier-ignore
  const passwordOf = (items) => Buffer.from(items.find(({ metadata }) => metadata.name === names[1]).data.password, 'base64').toString(); // prettier-ignore
  const before = await read();
  await installation.frontier(
    'keys',
    'create',
    'rotated',
    '--role',
    'operator',
    '--why',
    'a key that is to be rotated',
  );
  return async () => {
    await installation.sql(`alter role frontier password '${passwordOf(before)}'`, passwordOf(await read()));
    for (const { metadata, data } of before)
      await installation.kubectl(['patch', 'secret', metadata.name, '--type', 'merge', '-p', JSON.stringify({ data })]); // prettier-ignore
    await installation.kubectl(['rollout', 'restart', 'sts/frontier-redis']);
    const services = 'app.kubernetes.io/component in (gateway,dispatcher,control,canary-controller,backup)';
    await installation.kubectl(['rollout', 'restart', 'deploy', '-l', services]);
  };
}

/** The volumes of both databases are gone, and empty ones have taken their place. A dump of a moment ago is there. */
async function lostData(installation) {
  for (const part of ['postgresql', 'redis'])
    await installation.kubectl(['exec', 'deploy/frontier-backup', '-c', part, '--', 'bash', `/scripts/${part}.sh`, 'dump']); // prettier-ignore
  await loseVolumes(installation);
}

/** Deletes both volumes with their pods. */
export async function loseVolumes(installation) {
  for (const name of ['redis', 'postgresql']) await installation.scale('sts', name, 0);
  for (const name of ['redis', 'postgresql'])
    await installation.kubectl(['delete', 'pvc', `data-frontier-${name}-0`, '--timeout=60s']);
  for (const name of ['redis', 'postgresql']) await installation.scale('sts', name, 1);
}

async function allDown(installation) {
  await installation.kubectl(['scale', 'deploy,sts', '-l', 'app.kubernetes.io/instance=frontier', '--replicas=0']); // prettier-ignore
  await until('no pod', async () => (await installation.kubectl(['get', 'pods', '-l', 'app.kubernetes.io/instance=frontier', '--field-selector=status.phase=Running', '-o', 'name'])) === ''); // prettier-ignore
}

export const BREAKERS = {
  nothing: async () => undefined,
  busy,
  'no-workers': noWorkers,
  'no-dispatcher': async (installation) => {
    await installation.scale('deploy', 'dispatcher', 0);
    await installation.post('/v1/infer', { ...SIMPLE, deadline_ms: 1_000 }, { times: 5 });
  },
  'no-gateway': gone('deploy', 'gateway'),
  'no-control': gone('deploy', 'control'),
  'no-canary-controller': gone('deploy', 'canary-controller'),
  'no-redis': gone('sts', 'redis'),
  'no-postgresql': gone('sts', 'postgresql'),
  'no-backup': noBackup,
  'dead-letters': deadLetters,
  rollout,
  'wrong-image': release('image.tag=no-such-tag'),
  'bad-model': release('workers.cpu.models={no-such-model}'),
  secrets,
  'lost-data': lostData,
  'all-down': allDown,
};
