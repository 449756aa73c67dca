// What all scenarios have in common: a cluster, a load, faults meanwhile, and the books at the end.
import { sleep } from '../lib/run.mjs';
import { Cluster } from './cluster.mjs';
import { Ledger } from './ledger.mjs';
import { Load, recovery } from './load.mjs';
import { describeRecords, untilClean } from './views.mjs';

/** Plain results are kept for 2 min; they must have been seen before. */
const COLLECT_EVERY_MS = 30_000;
/** A job has its timeout then; its caller waits longer. In a short run only the short locks of vip have to expire. */
const JOB_TIMEOUT_MS = { long: 60_000, short: 12_000 };
/** Beyond the last deadline, since what was never acknowledged stays until then: the sweeper's 2 s, every 5 s. */
const CLEAN_MS = 12_000;
const USUAL_RATE = 120;

/**
 * Runs `faults` under load and gives a row. `shape` is that of the cluster; in a short run all scenarios share one.
 * `faults({cluster, ledger, load, killedAt, seed, short})` resolves when it is done, to fields of the row; `checks`
 * among them lists what was not as it must be. `after` is called when all is over, for more fields. `count`: the load
 * ends when so many calls have begun, else with the faults.
 */
export async function underLoad(context, { cluster: shape = {}, load: mix = {}, faults, after, count }) {
  const cluster = context.shared ?? (await startCluster(context, shape));
  const startedAt = performance.now();
  const before = { kills: cluster.kills, cuts: cluster.proxy?.cut ?? 0 };
  try {
    const run = await offer(context, cluster, mix, faults, count);
    const row = { ...(await rowOf(run)), ...(await after?.(run)) };
    const kills = cluster.kills - before.kills;
    const cuts = (cluster.proxy?.cut ?? 0) - before.cuts;
    return { ...row, kills, cuts, seconds: Math.round((performance.now() - startedAt) / 100) / 10 };
  } finally {
    if (!context.shared) await context.stop(cluster);
  }
}

/** `context.register` makes sure that it is stopped whatever happens. */
export async function startCluster({ binary, short, register }, shape) {
  const env = { JOB_TIMEOUT_MS: JOB_TIMEOUT_MS[short ? 'short' : 'long'], ...shape.env };
  const cluster = new Cluster({ binary, ...shape, env });
  register(cluster);
  await cluster.start();
  return cluster;
}

async function offer({ seed, short, kills }, cluster, mix, faults, count) {
  const ledger = new Ledger(() => cluster.redis.client, cluster.executedLog);
  await ledger.begin();
  const load = new Load({ cluster, ledger, seed }, { rate: USUAL_RATE, ...mix });
  const run = { cluster, ledger, load, seed, short, kills, killedAt: [] };
  const collector = setInterval(() => void ledger.collect().catch(() => {}), COLLECT_EVERY_MS);
  try {
    const offering = load.run(count);
    await sleep(500);
    const more = (await faults(run)) ?? {};
    if (count !== undefined) await offering;
    await load.stop();
    await offering;
    await cluster.untilReady();
    return { ...run, more };
  } finally {
    clearInterval(collector);
  }
}

async function rowOf({ cluster, ledger, load, killedAt, short, more }) {
  const left = await untilClean(cluster.redis.client, JOB_TIMEOUT_MS[short ? 'short' : 'long'] + CLEAN_MS);
  const books = await ledger.close(load.calls);
  const crashes = cluster.crashes.map(([name, times]) => `${name} crashed ${times} times`);
  const records = await describeRecords(cluster.redis.client);
  const { checks = [], ...fields } = more;
  const clean = books.lost === 0 && books.double === 0 && books.faults === 0;
  return {
    ...books,
    recoveryMs: recovery(load.calls, killedAt),
    left: left.length,
    ...fields,
    ok: clean && left.length === 0 && checks.length === 0 && crashes.length === 0,
    problems: [...books.problems, ...crashes, ...checks, ...left.map(([what, count]) => `${count} ${what} are left in Redis`), ...records], // prettier-ignore
  };
}
