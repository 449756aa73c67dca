// The special cases in which a design that is nearly right loses or doubles an answer, each by itself.
import { sleep } from '../../lib/run.mjs';
import { HttpClient } from '../http.mjs';
import { inputsOf } from '../inputs.mjs';
import { underLoad } from '../run-scenario.mjs';
import { views } from '../views.mjs';

const QUIET = { rate: 5 };

/** One key fifty times at all gateways at once, and again after its end: one execution, one answer. */
export const oneKey = {
  name: 'one-key',
  short: true,
  run: (context) =>
    underLoad(context, {
      load: QUIET,
      faults: async ({ load, ledger, short }) => {
        const rounds = short ? 2 : 20;
        for (let round = 0; round < rounds; round += 1) {
          const job = { n: 1_000_000 + round, kind: 'keyed', priority: 'vip', tenant: 't0', rows: 1 };
          await Promise.all(Array.from({ length: 50 }, () => load.begin(job).running));
          await Promise.all(Array.from({ length: 5 }, () => load.begin(job).running));
        }
        const often = ledger.executedOften();
        return { checks: often.map(([id, times]) => `${id} was executed ${times} times for one key`) };
      },
    }),
};

/** A caller goes away in the middle of a keyed call, and repeats it: the first one's run answers. */
export const disconnect = {
  name: 'disconnect-and-repeat',
  short: true,
  run: (context) =>
    underLoad(context, {
      // The first attempts are cut after a few ms, most of them in flight.
      load: { rate: 60, kinds: ['keyed'], attemptMs: 4, patienceMs: 40_000 },
      faults: async ({ short }) => sleep(short ? 1_000 : 10_000),
    }),
};

/** Submitting and cancelling in a loop while nobody dispatches must not grow memory past the bounds. */
export const submitAndCancel = {
  name: 'submit-and-cancel',
  run: (context) =>
    underLoad(context, {
      load: QUIET,
      faults: async ({ cluster }) => {
        const dispatchers = cluster.members('dispatcher');
        for (const member of dispatchers) member.signal('SIGSTOP');
        const http = new HttpClient();
        const { accepted, refused } = await cancelLoop(http, cluster.gateways, 3_000);
        const { outstanding, jobs } = await views(cluster.redis.client);
        for (const member of dispatchers) member.signal('SIGCONT');
        http.close();
        const checks = [];
        if (refused === 0) checks.push(`${accepted} jobs were accepted and cancelled, none was refused`);
        if (outstanding > LOW_BOUND + SPARE)
          checks.push(`${outstanding} places are taken, ${LOW_BOUND} is the bound`);
        return {
          checks,
          note: `${accepted} accepted, ${refused} refused, ${outstanding} outstanding in ${jobs} jobs`,
        };
      },
    }),
};

const LOW_BOUND = 500;
/** Of the other load. */
const SPARE = 300;

async function cancelLoop(http, ports, count) {
  const tally = { accepted: 0, refused: 0 };
  const one = async (n) => {
    const body = JSON.stringify({ model: 'simple', priority: 'low', inputs: inputsOf('simple', 999, n, 1) });
    const port = ports[n % ports.length];
    // Gateways are killed meanwhile in some runs: whoever is not reached is neither accepted nor refused.
    const answer = await http.call(port, { method: 'POST', path: '/v1/jobs', body }).catch(() => undefined);
    if (answer === undefined) return;
    if (answer.status !== 202) tally.refused += 1;
    else {
      tally.accepted += 1;
      await http
        .call(port, { method: 'DELETE', path: `/v1/jobs/${answer.json.data.id}` })
        .catch(() => undefined);
    }
  };
  for (let n = 0; n < count; n += 20) await Promise.all(Array.from({ length: 20 }, (_, i) => one(n + i)));
  return tally;
}

/** A model without a worker fills its share and no more: the others are served as if it were not there. */
export const unservedModel = {
  name: 'unserved-model',
  run: (context) =>
    underLoad(context, {
      load: { rate: 60 },
      faults: async ({ cluster, load }) => {
        const held = Array.from({ length: 400 }, () => load.begin({ kind: 'job', model: 'mlp', priority: 'standard', tenant: 'held', repeat: false })); // prettier-ignore
        const from = load.calls.length;
        await sleep(8_000);
        const others = load.calls.slice(from).filter(({ endedAt }) => endedAt !== undefined);
        const slow = others.filter(({ startedAt, endedAt }) => endedAt - startedAt > 2_000);
        const worker = cluster.member('worker-0');
        await worker.stop();
        worker.env = { MODELS: 'simple,mlp' };
        await worker.start();
        await Promise.all(held.map(({ running }) => running));
        const unmet = held.filter(({ call }) => call.status !== 'completed').length;
        return {
          note: `${others.length} others meanwhile`,
          checks: [
            ...(slow.length > 0 ? [`${slow.length} of ${others.length} others took over 2 s`] : []),
            ...(unmet > 0 ? [`${unmet} of 400 held requests did not complete once there was a worker`] : []),
          ],
        };
      },
    }),
};

/**
 * The primary dies between commit and replication while pollers read: what a poller was told must still be true after
 * the fail-over. A connection is cut between `add` and `WAIT`, too: that is no acknowledgement.
 */
export const unreplicatedCommit = {
  name: 'unreplicated-commit',
  run: (context) =>
    underLoad(context, {
      cluster: { replicas: 1, proxied: true, env: { REDIS_REPLICAS: 1 } },
      load: { rate: 100, kinds: ['job', 'keyedJob'], priorities: ['vip', 'standard'], patienceMs: 75_000 },
      faults: async ({ cluster, load, killedAt }) => {
        for (let round = 0; round < 3; round += 1) {
          await sleep(2_000);
          const { redis, replicas } = cluster;
          replicas[0].member.signal('SIGSTOP');
          // What was enqueued before is executed and committed now, and waits for the stand-by.
          for (let i = 0; i < 3; i += 1) {
            await sleep(150);
            cluster.proxy.killAll();
          }
          killedAt.push(performance.now());
          await redis.member.killForGood();
          replicas[0].member.signal('SIGCONT');
          await cluster.failOver();
        }
        await sleep(2_000);
        return { note: `${load.calls.length} jobs polled throughout` };
      },
    }),
};

/** All that happens to requests at once; afterwards Redis holds results that expire, and nothing else. */
export const idleLeaks = {
  name: 'idle-leaks',
  run: (context) =>
    underLoad(context, {
      faults: async ({ cluster, killedAt }) => {
        const http = new HttpClient();
        for (const kind of ['worker', 'dispatcher', 'gateway']) {
          await cancelLoop(http, cluster.gateways, 200);
          killedAt.push(performance.now());
          await cluster.member(`${kind}-0`).kill();
          await cluster.untilReady();
        }
        http.close();
      },
      after: async ({ cluster }) => {
        const found = await views(cluster.redis.client);
        return { views: found, note: `in Redis: ${JSON.stringify(found)}` };
      },
    }),
};
