// Every service is told to stop in its turn, as a rolling update does, and comes back: nobody may notice.
import { sleep } from '../../lib/run.mjs';
import { underLoad } from '../run-scenario.mjs';
import { StreamCall } from '../stream-call.mjs';

const CALM_MS = 1_000;
const PROMPT = 'Once upon a time';

export const rolling = {
  name: 'rolling',
  run: (context) =>
    underLoad(context, {
      cluster: { models: 'simple,tiny-gpt' },
      faults: async ({ cluster, load, ledger }) => {
        const checks = [];
        for (const [name, { member, http }] of cluster.services) {
          // A stream through the gateway that goes; through any, where another service goes.
          const stream = new StreamCall({
            gateways: () => cluster.gateways,
            prompt: PROMPT,
            seed: 7,
            tokens: 120,
          });
          const streamed = stream.run(http);
          await sleep(150);
          member.signal('SIGTERM');
          const how = await member.ended;
          if (how !== 0) checks.push(`${name} ended with ${how}`);
          await streamed;
          checks.push(...stream.faults.map((fault) => `${name} went: ${fault}`));
          if (stream.breaks > 0)
            checks.push(`${name} went: the stream broke off instead of ending with \`resume\``);
          await cluster.untilReady();
          await sleep(CALM_MS);
        }
        return { checks: [...checks, ...failures(load, ledger)] };
      },
    }),
};

function failures({ calls }, ledger) {
  const failed = calls.filter(
    ({ state, status }) => state === 'broken' || (status && status !== 'completed'),
  );
  return [
    ...(failed.length > 0 ? [`${failed.length} calls failed`] : []),
    ...(ledger.refusals.count > 0 ? [`${ledger.refusals.count} calls were refused`] : []),
    ...(ledger.cutOff > 0 ? [`${ledger.cutOff} attempts were cut off`] : []),
  ];
}
