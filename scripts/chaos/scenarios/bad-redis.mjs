// A Redis that is there but does not do: full, read-only, slow, half-open.
import { sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

const BAD_MS = 4_000;
const CALM_MS = 3_000;
/** An answer that refuses must come fast, whatever Redis does. */
const SLOWEST_REFUSAL_MS = 6_000;

const FAULTS = {
  full: [({ redis }) => redis.client.config('SET', 'maxmemory', '1mb'), ({ redis }) => redis.client.config('SET', 'maxmemory', '0')], // prettier-ignore
  'read-only': [({ redis }) => redis.client.replicaof('127.0.0.1', '1'), ({ redis }) => redis.client.replicaof('NO', 'ONE')], // prettier-ignore
  slow: [({ proxy }) => (proxy.latencyMs = 200), ({ proxy }) => proxy.heal()],
  'slow and uneven': [({ proxy }) => Object.assign(proxy, { latencyMs: 100, jitterMs: 200, sliceBytes: 700 }), ({ proxy }) => proxy.heal()], // prettier-ignore
  narrow: [({ proxy }) => (proxy.bandwidth = 10_000), ({ proxy }) => proxy.heal()],
  'cut off after 4 KB': [({ proxy }) => (proxy.limitBytes = 4_096), ({ proxy }) => proxy.heal()],
  'half-open': [({ proxy }) => (proxy.halfOpen = true), ({ proxy }) => (proxy.heal(), proxy.killAll())],
  refusing: [({ proxy }) => ((proxy.refuse = true), proxy.resetAll()), ({ proxy }) => proxy.heal()],
};

export const badRedis = {
  name: 'bad-redis',
  run: (context) =>
    underLoad(context, {
      cluster: { proxied: true },
      load: { rate: 80 },
      faults: async ({ cluster, ledger, load }) => {
        const phases = {};
        for (const [name, [begin, end]] of Object.entries(FAULTS)) {
          const refused = ledger.refusals.count;
          const from = load.calls.length;
          await begin(cluster);
          await sleep(BAD_MS);
          await end(cluster);
          phases[name] = { calls: load.calls.length - from, refused: ledger.refusals.count - refused };
          await sleep(CALM_MS);
        }
        const { slowestMs, withoutRetryAfter } = ledger.refusals;
        const checks = [];
        if (withoutRetryAfter > 0) checks.push(`${withoutRetryAfter} refusals had no Retry-After`);
        if (slowestMs > SLOWEST_REFUSAL_MS) checks.push(`a refusal took ${Math.round(slowestMs)} ms`);
        return { phases, checks, note: `slowest refusal ${Math.round(slowestMs)} ms` };
      },
    }),
};
