// Texts that are being generated while everything around them is killed: each must be the one that its seed gives.
import { random } from '../../bench/random.mjs';
import { sleep } from '../../lib/run.mjs';
import { killRandomly } from '../killer.mjs';
import { underLoad } from '../run-scenario.mjs';
import { StreamCall } from '../stream-call.mjs';

const KILLS = 45;
const AT_ONCE = 4;
const TOKENS = 160;
const PROMPTS = ['Once upon a time', 'The little dog', 'One day, Lily', 'Tom and his friend'];

export const streams = {
  name: 'streams',
  run: (context) =>
    underLoad(context, {
      cluster: { gateways: 3, models: 'simple,tiny-gpt' },
      load: { rate: 10 },
      faults: async (run) => {
        const { cluster, seed } = run;
        const next = random(seed);
        const kinds = Array.from({ length: 2 * PROMPTS.length }, (_, i) => ({ prompt: PROMPTS[i % PROMPTS.length], seed: i })); // prettier-ignore
        const expected = new Map();
        for (const kind of kinds) expected.set(kind, await textOf(cluster, kind));
        const over = new AbortController();
        const made = [];
        const readers = Array.from({ length: AT_ONCE }, async (_, reader) => {
          for (let i = 0; !over.signal.aborted; i += 1) {
            const kind = kinds[Math.floor(next() * kinds.length)];
            const call = new StreamCall({ ...kind, tokens: TOKENS, key: `${seed}-${reader}-${i}`, gateways: () => cluster.gateways, random: next }); // prettier-ignore
            await call.run();
            made.push({ kind, call });
          }
        });
        const groups = ['gateway', 'dispatcher', 'worker'].map((kind) => cluster.members(kind));
        await killRandomly({ ...run, groups, meanMs: 900, count: run.kills ?? KILLS });
        over.abort();
        await Promise.all(readers);
        return report(made, expected);
      },
    }),
};

async function textOf(cluster, kind) {
  const call = new StreamCall({ ...kind, tokens: TOKENS, gateways: () => cluster.gateways });
  await call.run();
  if (call.faults.length > 0) throw new Error(`a stream without any fault around it: ${call.faults.join()}`);
  await sleep(50);
  return call.text;
}

function report(made, expected) {
  const wrong = made.filter(({ kind, call }) => call.faults.length === 0 && call.text !== expected.get(kind));
  const failed = made.filter(({ call }) => call.faults.length > 0);
  const breaks = made.reduce((sum, { call }) => sum + call.breaks, 0);
  const faults = [...new Set(failed.flatMap(({ call }) => call.faults))];
  return {
    streams: made.length,
    streamBreaks: breaks,
    note: `${made.length} streams, ${breaks} times resumed elsewhere`,
    checks: [
      ...(wrong.length > 0 ? [`${wrong.length} streams told another text than their seed gives`] : []),
      ...(failed.length > 0 ? [`${failed.length} streams failed: ${faults.join('; ')}`] : []),
      ...(breaks === 0 ? ['no stream was ever broken, so nothing is proven'] : []),
    ],
  };
}
