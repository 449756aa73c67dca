import type { RolloutLogEntry } from '@frontier/contracts/registry';
import { path, type Client } from './client.ts';

/** An entry has the counters of all gateways. */
const PAGE = 100;

/** A rollout's log in order, up to `end`. */
export async function* entries(
  client: Client,
  rollout: string,
  end = Infinity,
): AsyncGenerator<RolloutLogEntry> {
  let after = 0;
  while (after < end) {
    const limit = Math.min(PAGE, end - after);
    const page = await client.get<RolloutLogEntry[]>(path('rollouts', rollout, 'log'), { after, limit });
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < limit) return;
    after = last.seq;
  }
}
