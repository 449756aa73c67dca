// Every connection to Redis is cut again and again, in the middle of whatever is on its way.
import { random } from '../../bench/random.mjs';
import { sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

const COUNT = 100_000;
const SHORT_COUNT = 600;
const EVERY_MS = [200, 800];
const MIX = { kinds: ['plain', 'plain', 'keyed', 'keyed', 'job', 'keyedJob'], maxInFlight: 600 };

export const connections = {
  name: 'connections',
  short: true,
  run: (context) =>
    underLoad(context, {
      cluster: { proxied: true },
      // Requests that were admitted and not acknowledged stay until their deadline: that of vip is near.
      load: context.short ? { ...MIX, rate: 200, priorities: ['vip'] } : { ...MIX, rate: 500 },
      count: context.short ? SHORT_COUNT : COUNT,
      faults: ({ cluster, load, seed, short }) => cutWhile(() => load.calls.length < (short ? SHORT_COUNT : COUNT), cluster.proxy, seed), // prettier-ignore
    }),
};

/** By turns as a peer closes and as a peer that has lost its state. */
async function cutWhile(goesOn, proxy, seed) {
  const next = random(seed);
  while (goesOn()) {
    await sleep(EVERY_MS[0] + next() * (EVERY_MS[1] - EVERY_MS[0]));
    if (next() < 0.5) proxy.killAll();
    else proxy.resetAll();
  }
}
