// A gateway dies between the record of a request and its job, which large payloads keep apart: with a caller who repeats
// the key, another gateway takes the record over; without one, nothing was promised, and the sweeper ends it.
import { sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';

/** Over 8 KiB: admission is then answered before the job is sent. */
const ROWS = 100;

export const recordWithoutJob = {
  name: 'record-without-job',
  run: (context) =>
    underLoad(context, {
      load: { rate: 1 },
      faults: async ({ cluster, load }) => {
        const rounds = 8;
        const keyed = [];
        for (let round = 0; round < rounds; round += 1) {
          const name = `gateway-${round % 2}`;
          const member = cluster.member(name);
          const before = member.kills;
          await cluster.restartWith(name, 'gateway.admit.after=kill');
          while (member.kills === before) {
            const job = { rows: ROWS, priority: 'vip', repeat: true };
            keyed.push(load.begin({ ...job, kind: 'keyed' }), load.begin({ ...job, kind: 'keyedJob' }));
            load.begin({ ...job, kind: 'plain', repeat: false });
            for (let i = 0; i < 30 && member.kills === before; i += 1) await sleep(10);
          }
          // Before it is started again.
          member.env = { FAILPOINTS: '' };
          await cluster.untilReady();
        }
        await Promise.all(keyed.map(({ running }) => running));
        const unmet = keyed.filter(({ call }) => call.status !== 'completed').length;
        const checks = unmet > 0 ? [`${unmet} of ${keyed.length} repeated calls did not complete`] : [];
        return { note: `${rounds} deaths between record and job`, checks };
      },
    }),
};
