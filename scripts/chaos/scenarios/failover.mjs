// The primary dies while its stand-by lags behind: what was acknowledged must be on the stand-by, or must not have been.
import { sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

const ROUNDS = 5;
/** The stand-by stands still for so long before the primary dies. */
const FROZEN_MS = 500;
const CALM_MS = 2_500;

async function failOvers({ cluster, killedAt }) {
  for (let i = 0; i < ROUNDS; i += 1) {
    await sleep(CALM_MS);
    const { redis, replicas } = cluster;
    replicas[0].member.signal('SIGSTOP');
    await sleep(FROZEN_MS);
    killedAt.push(performance.now());
    await redis.member.killForGood();
    replicas[0].member.signal('SIGCONT');
    await cluster.failOver();
  }
  await sleep(CALM_MS);
}

const shape = (waits) => ({ replicas: 1, proxied: true, env: { REDIS_REPLICAS: waits ? 1 : 0, REDIS_REPLICA_TIMEOUT_MS: 1_000 } }); // prettier-ignore
const load = { rate: 150, patienceMs: 75_000 };

export const failover = {
  name: 'failover',
  run: (context) => underLoad(context, { cluster: shape(true), load, faults: failOvers }),
};

/** The same without `WAIT`: it must lose, which shows that the test above can. */
export const failoverWithoutWait = {
  name: 'failover-without-wait',
  async run(context) {
    const row = await underLoad(context, { cluster: shape(false), load: { ...load, patienceMs: 40_000 }, faults: failOvers }); // prettier-ignore
    const note = `must lose: nothing waits for the stand-by`;
    const problems = row.lost > 0 ? [] : ['nothing was lost without WAIT, so `failover` proves nothing'];
    return { ...row, ok: row.lost > 0, expected: 'losses', note, problems };
  },
};
