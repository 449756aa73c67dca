// The wall clock of one process after the other jumps by ten minutes, forwards and back.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

const JUMP_MS = 600_000;
const PRELOAD = join(root, 'scripts/chaos/shifted-clock.cjs');

export const clock = {
  name: 'clock',
  run: (context) =>
    underLoad(context, {
      cluster: { nodeArgs: ['--require', PRELOAD] },
      faults: async ({ cluster, load }) => {
        for (const [name, { member }] of cluster.services) {
          for (const offset of [JUMP_MS, -JUMP_MS, 0]) {
            writeFileSync(cluster.clockFile(name), `${offset}`);
            member.signal('SIGUSR2');
            await sleep(1_500);
          }
        }
        return { checks: wrongEnds(load) };
      },
    }),
};

/** Nothing may time out because a clock is wrong: all is served within a second or two. */
function wrongEnds({ calls }) {
  const wrong = calls.filter(({ state, status }) => state === 'answered' && status !== 'completed');
  return wrong.length === 0 ? [] : [`${wrong.length} calls did not complete: ${JSON.stringify(countBy(wrong, ({ status }) => status))}`]; // prettier-ignore
}

function countBy(list, keyOf) {
  const counts = {};
  for (const item of list) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
