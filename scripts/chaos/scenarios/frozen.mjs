// A dispatcher stands still past its locks and comes back with results that are no longer its own to give.
import { sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

/** Locks last 10 s, those of vip 2 s; another dispatcher looks for stalled jobs every 3 s, every 1 s. */
const FROZEN_MS = 14_500;
const FROZEN_VIP_MS = 4_000;
const CALM_MS = 3_000;

export const frozenDispatcher = {
  name: 'frozen-dispatcher',
  run: (context) => underLoad(context, { faults: freeze }),
};

async function freeze({ cluster, killedAt }) {
  const dispatchers = cluster.members('dispatcher');
  for (const [i, duration] of [FROZEN_MS, FROZEN_VIP_MS, FROZEN_MS, FROZEN_MS].entries()) {
    const member = dispatchers[i % dispatchers.length];
    killedAt.push(performance.now());
    member.signal('SIGSTOP');
    await sleep(duration);
    member.signal('SIGCONT');
    await sleep(CALM_MS);
  }
}
