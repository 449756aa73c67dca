import type { Rollout } from '@frontier/contracts/rollout';
import { path, type Client } from '../client.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../errors.ts';
import { Replay, type Replayed } from '../replay.ts';
import { entries } from '../rollout-log.ts';

/** `frontier rollouts replay`. */
export async function replay(context: Context, id: string): Promise<ExitCode> {
  const client = await context.client();
  const { rollout, seq } = await find(client, id);
  const again = new Replay(rollout);
  const different: Replayed[] = [];
  let last: Replayed | undefined;
  let count = 0;
  for await (const entry of entries(client, rollout.id, seq)) {
    last = again.take(entry);
    count += 1;
    if (last.differs.length > 0) different.push(last);
  }
  if (seq !== undefined && count < seq)
    throw new CliError(EXIT.unknown, `${rollout.id} has no decision ${seq}, only ${count}`);
  const same = different.length === 0 && again.broken === undefined;
  const { out } = context;
  for (const one of different.slice(0, 10)) {
    out.say(
      `${one.id}: ${one.differs.join(', ')}: was ${one.stored.verdict} (${one.stored.reason}), is ${one.again.verdict} (${one.again.reason})`,
    );
  }
  if (again.broken !== undefined) out.say(`the hash chain is broken at line ${again.broken}`);
  out.one({
    rollout: rollout.id,
    decisions: count,
    different: different.length,
    chain: again.broken === undefined ? 'sound' : `broken at ${again.broken}`,
    ...(seq !== undefined && last && { decision: last.id, ...last.again }),
  });
  return same ? EXIT.ok : EXIT.negative;
}

/** A rollout, or the one that a decision is of, and then its number. */
async function find(client: Client, id: string): Promise<{ rollout: Rollout; seq?: number }> {
  try {
    return { rollout: await client.get<Rollout>(path('rollouts', id)) };
  } catch (error) {
    const [, owner, seq] = /^(.+)-(\d{1,9})$/.exec(id) ?? [];
    if (owner === undefined || !(error instanceof CliError) || error.exit !== EXIT.unknown) throw error;
    return { rollout: await client.get<Rollout>(path('rollouts', owner)), seq: Number(seq) };
  }
}
