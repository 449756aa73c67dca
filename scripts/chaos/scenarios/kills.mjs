// One process after the other is killed at random moments, and comes back.
import { killRandomly } from '../killer.mjs';
import { underLoad } from '../run-scenario.mjs';

const VIP = { rate: 60, priorities: ['vip'] };

/** `kinds` are killed, `kills` times (`short`: in a short run), about `meanMs` apart. */
function killing({ name, kinds, kills, short, meanMs, cluster, load }) {
  const faults = async (run) => {
    const { cluster: running } = run;
    const groups = kinds.map((kind) => (kind === 'redis' ? [running.redis.member] : running.members(kind)));
    await killRandomly({ ...run, groups, meanMs, count: run.short ? short : (run.kills ?? kills) });
  };
  return {
    name,
    short: short !== undefined,
    // In a short run only vip, whose locks are short, too.
    run: (context) =>
      underLoad(context, { cluster, load: context.short ? { ...load, ...VIP } : load, faults }),
  };
}

export const gateway = killing({ name: 'gateway', kinds: ['gateway'], kills: 200, short: 3, meanMs: 500, cluster: { gateways: 3 } }); // prettier-ignore
export const dispatcher = killing({
  name: 'dispatcher',
  kinds: ['dispatcher'],
  kills: 150,
  short: 2,
  meanMs: 900,
});
export const worker = killing({ name: 'worker', kinds: ['worker'], kills: 200, short: 3, meanMs: 500, cluster: { workers: 3 } }); // prettier-ignore
export const any = killing({
  name: 'any',
  kinds: ['gateway', 'dispatcher', 'worker'],
  kills: 220,
  meanMs: 700,
});
export const redisAof = killing({ name: 'redis-aof', kinds: ['redis'], kills: 30, short: 1, meanMs: 2_500 });
