// Not lucky but exhaustive: every failpoint that is compiled into the services lets its process die at its first hit,
// at a later one, and twice in a row on the same work.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

const NAME = /\bfailpoint\)?\(\s*['"]([a-z]+(?:[.-][a-z]+)+)['"]/g;
/** Only where writes are waited for does the path lead there. */
const REPLICATED = /^gateway\.(admit|enqueue|replicate)|^dispatcher\.(claim|commit|publish|reply|finish)/;
const ONLY_REPLICATED = /\.(replicate|publish)\./;
const SHORT = ['gateway.enqueue.before', 'dispatcher.commit.after', 'worker.execute.after'];

const WAVE = 12;
const WAVE_MS = 250;
const REACH_MS = 9_000;
/** Deaths of these bundles must fit into a test: the locks of vip last 2 s. Two attempts make a dead letter. */
const SHAPE = {
  gateways: 2,
  dispatchers: 1,
  workers: 1,
  env: { QUEUES: '{"vip":{"attempts":2,"timeoutMs":20000}}' },
};

/** The names of all failpoints in what was built. */
export function failpointNames() {
  const files = ['libs', 'services'].flatMap((top) =>
    readdirSync(join(root, top)).flatMap((name) => scripts(join(root, top, name, 'dist'))),
  );
  const names = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(NAME)].map((match) => match[1]),
  );
  return [...new Set(names)].filter((name) => /^(gateway|dispatcher|worker)\./.test(name)).sort();
}

function scripts(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.js') && !file.includes('.test.'))
    .map((file) => join(folder, file));
}

export const failpoints = {
  name: 'failpoints',
  short: true,
  run: (context) => strikeAll(context, SHAPE, (name) => (context.short ? SHORT.includes(name) : !ONLY_REPLICATED.test(name))), // prettier-ignore
};

export const failpointsReplicated = {
  name: 'failpoints-replicated',
  run: (context) => strikeAll(context, { ...SHAPE, replicas: 1 }, (name) => REPLICATED.test(name)),
};

function strikeAll(context, shape, wanted) {
  const names = failpointNames().filter(wanted);
  return underLoad(context, {
    cluster: shape,
    load: { rate: 1, kinds: ['keyed'], priorities: ['vip'], patienceMs: 60_000 },
    faults: async (run) => {
      const missed = [];
      for (const kind of ['gateway', 'dispatcher', 'worker']) {
        missed.push(
          ...(await strikeKind(
            run,
            kind,
            names.filter((name) => name.startsWith(kind)),
          )),
        );
      }
      const checks = missed.map((step) => `${step} was never reached`);
      return { points: names.length, note: `${names.length} failpoints`, checks };
    },
  });
}

/**
 * Every death starts the process anew with the failpoint of the next step, which is armed as soon as this step's
 * process is there: it may die before it is ready. Gives the steps that were not reached.
 */
async function strikeKind(run, kind, names) {
  const target = `${kind}-0`;
  const member = run.cluster.member(target);
  const steps = names.flatMap((name) => stepsOf(name, run.short));
  const missed = [];
  if (steps.length === 0) return missed;
  const textOf = (step) => run.cluster.failpoints(kind, step ? `${step.name}=kill@${step.hit}` : '');
  const times = new Map();
  member.env = { FAILPOINTS: textOf(steps[0]) };
  await member.kill();
  for (const [i, step] of steps.entries()) {
    const text = textOf(step);
    times.set(text, (times.get(text) ?? 0) + 1);
    while (!member.alive) await sleep(10);
    member.env = { FAILPOINTS: textOf(steps[i + 1]) };
    const died = () => member.deaths.filter((failpoints) => failpoints === text).length >= times.get(text);
    if (!(await strike(run, step, died))) {
      missed.push(`${step.name}@${step.hit}`);
      await member.kill();
    }
  }
  await run.cluster.untilReady();
  return missed;
}

function stepsOf(name, short) {
  const trigger = Object.entries(TRIGGERS).find(([part]) => name.includes(part))?.[1] ?? wave;
  const hits = short ? [1] : trigger === wave ? [1, 1, 3] : [1, 1];
  return hits.map((hit) => ({ name, hit, trigger }));
}

/** Sends what leads there until the process has died once more. Its calls go on being tried meanwhile. */
async function strike(run, step, died) {
  const end = await step.trigger(run, died);
  for (const until = Date.now() + REACH_MS; !died() && Date.now() < until;) await sleep(20);
  await end?.();
  return died();
}

/** Calls of all kinds, in waves until it has happened. */
async function wave({ load }, over) {
  for (let i = 0; i < 20 && !over(); i += 1) {
    for (let j = 0; j < WAVE; j += 1)
      load.begin({ kind: ['keyed', 'keyedJob', 'job', 'plain'][j % 4], priority: 'vip' });
    await sleep(WAVE_MS);
  }
}

/** A worker that fails once, then for ever: retries, and dead letters in the end. */
const failing = (failpoint) => async (run) => {
  await run.cluster.restartWith('worker-0', failpoint);
  for (let i = 0; i < 3; i += 1) run.load.begin({ kind: i === 0 ? 'keyedJob' : 'job', priority: 'vip' });
  return () => run.cluster.restartWith('worker-0', '');
};

/** A model that no worker has: its requests are put aside. Later one comes that has it. */
async function unserved({ cluster, load }) {
  const { running } = load.begin({ kind: 'keyedJob', priority: 'vip', model: 'mlp' });
  const worker = cluster.member('worker-0');
  return async () => {
    await worker.stop();
    worker.env = { MODELS: 'simple,mlp' };
    await worker.start();
    await running;
    await worker.stop();
    worker.env = { MODELS: 'simple' };
    await worker.start();
  };
}

/** Nobody dispatches, so that the gateways end their requests at the deadline. */
async function frozen({ cluster, load }) {
  const dispatcher = cluster.member('dispatcher-0');
  dispatcher.signal('SIGSTOP');
  for (let i = 0; i < WAVE; i += 1)
    load.begin({ kind: i % 2 ? 'keyed' : 'plain', priority: 'vip', deadlineMs: 600 });
  return () => dispatcher.signal('SIGCONT');
}

const TRIGGERS = {
  '.retry': failing('worker.execute.before=error@1'),
  '.dead': failing('worker.execute.before=error'),
  '.park': unserved,
  'gateway.deadline': frozen,
};
