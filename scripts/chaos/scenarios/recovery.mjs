// Single deaths, far apart: how long the requests wait that were under way.
import { sleep } from '../../lib/run.mjs';
import { recovery } from '../load.mjs';
import { underLoad } from '../run-scenario.mjs';

/** Kills, how far apart, and the longest time to an answer, ms. */
const PHASES = {
  worker: { kills: 10, apartMs: 4_000, withinMs: { vip: 5_000, standard: 10_000, low: 10_000 } },
  dispatcher: { kills: 6, apartMs: 16_000, withinMs: { vip: 5_000, standard: 15_000, low: 15_000 } },
  gateway: { kills: 6, apartMs: 4_000, withinMs: { vip: 5_000, standard: 15_000, low: 15_000 } },
};

export const singleDeaths = {
  name: 'recovery',
  run: (context) =>
    underLoad(context, {
      load: { rate: 200 },
      faults: async ({ cluster, load }) => {
        const after = {};
        for (const [kind, { kills, apartMs }] of Object.entries(PHASES)) {
          const killedAt = [];
          for (let i = 0; i < kills; i += 1) {
            const members = cluster.members(kind);
            killedAt.push(performance.now());
            await members[i % members.length].kill();
            await sleep(apartMs);
          }
          after[kind] = killedAt;
        }
        // What was under way at the last kill is answered before the load ends.
        await sleep(2_000);
        const worst = Object.fromEntries(
          Object.entries(after).map(([kind, at]) => [kind, recovery(load.calls, at)]),
        );
        return { recoveryAfter: worst, note: JSON.stringify(worst), checks: tooLong(worst) };
      },
    }),
};

function tooLong(worst) {
  return Object.entries(PHASES).flatMap(([kind, { withinMs }]) =>
    Object.entries(withinMs)
      .filter(([priority, most]) => (worst[kind][priority] ?? 0) > most)
      .map(
        ([priority, most]) =>
          `${priority} waited ${worst[kind][priority]} ms after the loss of a ${kind}, at most ${most} was promised`,
      ),
  );
}
