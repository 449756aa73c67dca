// Not lucky but exhaustive: every failpoint that is compiled into the services lets its process die at its first hit,
// at a later one, and twice in a row on the same work.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

const NAME = /\bfailpoint\)?\(\s*['"]([a-z]+(?:[.-][a-z]+)+)['"]/g;
/** Only where writes are waited for does the path lead there. */
const REPLICATED = /^gateway\.(admit|enqueue|replicate)|^dispatcher\.(claim|commit|publish|reply|finish)/;
const ONLY_REPLICATED = /^gateway\.replicate|^dispatcher\.(publish|reply)/;
const SHORT = ['gateway.enqueue.before', 'dispatcher.commit.after', 'worker.execute.after'];

const WAVE = 8;
const WAVE_MS = 250;
/** Calls under way at most: the queue of vip holds a hundred. */
const MOST = 40;
const REACH_MS = 25_000;
/** Of the promise for a lost dispatcher; the locks of vip are shorter, but these die twice. */
const ANSWERED_WITHIN_MS = 15_000;
/** Deaths of these bundles must fit into a test: the locks of vip last 2 s. Three attempts make a dead letter. */
const SHAPE = {
  gateways: 2,
  dispatchers: 1,
  workers: 1,
  env: { QUEUES: '{"vip":{"attempts":3,"timeoutMs":20000}}' },
};

/** The names of all failpoints in what was built. */
function failpointNames() {
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
    load: { rate: 1, kinds: ['keyed'], priorities: ['vip'] },
    faults: async (run) => {
      const answeredAfter = {};
      const checks = [];
      for (const kind of ['gateway', 'dispatcher', 'worker']) {
        const struck = await strikeKind(run, kind, names.filter((name) => name.startsWith(kind))); // prettier-ignore
        Object.assign(answeredAfter, struck.answeredAfter);
        checks.push(...struck.missed.map((rule) => `${rule} was never reached`));
      }
      const late = Object.entries(answeredAfter).filter(([, ms]) => ms > ANSWERED_WITHIN_MS);
      checks.push(...late.map(([rule, ms]) => `after ${rule} the last answer came only after ${ms} ms`));
      const note = `${names.length} failpoints, all answered within ${Math.max(...Object.values(answeredAfter))} ms`;
      return { points: names.length, answeredAfter, note, checks };
    },
  });
}

/**
 * Each step by itself: the process starts with its failpoint, dies there, comes back without it, and all that was under
 * way is answered. Gives how long that took by failpoint, ms after the last death, and what was not reached.
 */
async function strikeKind(run, kind, names) {
  const { cluster } = run;
  const member = cluster.member(`${kind}-0`);
  const arm = (rule) => {
    member.env = { FAILPOINTS: cluster.failpoints(kind, rule) };
  };
  const answeredAfter = {};
  const missed = [];
  for (const step of names.flatMap((name) => stepsOf(name, run.short))) {
    const rule = `${step.name}=kill@${step.hit}`;
    arm(rule);
    await member.kill();
    const from = run.load.calls.length;
    const diedAt = await strike(run, member, step, rule, () => arm(''));
    if (diedAt === undefined) {
      missed.push(rule);
      await member.kill();
    }
    await cluster.untilReady();
    const ends = await run.load.drained(from);
    if (diedAt !== undefined) answeredAfter[rule] = Math.round(Math.max(0, ...ends.map((at) => at - diedAt)));
  }
  return { answeredAfter, missed };
}

function stepsOf(name, short) {
  const trigger = Object.entries(TRIGGERS).find(([part]) => name.includes(part))?.[1] ?? wave;
  if (short) return [{ name, hit: 1, deaths: 1, trigger }];
  const twice = { name, hit: 1, deaths: 2, trigger };
  return trigger === wave ? [twice, { name, hit: 3, deaths: 1, trigger }] : [twice];
}

/**
 * Sends what leads to a failpoint until the process has died there as often as the step says; its calls go on being
 * tried meanwhile. `onDead` is called before the process starts again. The instant of the last death; undefined: not
 * reached.
 */
async function strike(run, member, { deaths, trigger }, rule, onDead) {
  const died = () => member.deaths.filter((failpoints) => failpoints?.endsWith(rule)).length >= deaths;
  const watching = (async () => {
    for (const until = Date.now() + REACH_MS; !died() && Date.now() < until;) await sleep(10);
    onDead();
    return died() ? performance.now() : undefined;
  })();
  while (!member.ready && !died()) await sleep(10);
  const end = await trigger(run, died);
  const diedAt = await watching;
  await end?.();
  return diedAt;
}

/** Calls of all kinds, in waves until it has happened. */
async function wave({ load }, over) {
  for (let i = 0; i < 20 && !over(); i += 1) {
    while (load.inFlight > MOST && !over()) await sleep(50);
    for (let j = 0; j < WAVE; j += 1)
      load.begin({ kind: ['keyed', 'keyedJob', 'job', 'plain'][j % 4], priority: 'vip' });
    await sleep(WAVE_MS);
  }
}

/** A worker that fails twice, or for ever: retries, and dead letters in the end. */
const failing = (failpoint) => async (run) => {
  await run.cluster.restartWith('worker-0', failpoint);
  run.load.begin({ kind: 'keyedJob', priority: 'vip' });
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

/** Nobody dispatches, so that the gateways end their requests at the deadline: until it has happened, each anew. */
async function frozen({ cluster, load }, over) {
  const dispatcher = cluster.member('dispatcher-0');
  dispatcher.signal('SIGSTOP');
  for (let i = 0; i < 5 && !over(); i += 1) {
    for (let j = 0; j < WAVE; j += 1)
      load.begin({ kind: j % 2 ? 'keyed' : 'plain', priority: 'vip', deadlineMs: 3_000 });
    for (const until = Date.now() + 4_000; Date.now() < until && !over();) await sleep(50);
  }
  return () => dispatcher.signal('SIGCONT');
}

const TRIGGERS = {
  '.retry': failing('worker.execute.before=error@1;worker.execute.before=error@2'),
  '.dead-': failing('worker.execute.before=error'),
  '.park': unserved,
  'gateway.deadline': frozen,
};
