import type { RolloutLogEntry } from '@frontier/contracts/registry';
import type { Context } from '../context.ts';
import { shareText, timeText } from '../output.ts';
import { entries } from '../rollout-log.ts';

/** `frontier rollouts log`: the last decisions, the newest at the end. */
export async function log(context: Context, id: string, { last }: { last: number }): Promise<void> {
  const shown: RolloutLogEntry[] = [];
  for await (const entry of entries(await context.client(), id)) {
    shown.push(entry);
    if (shown.length > last) shown.shift();
  }
  context.out.many(shown, {
    decision: ({ id: decision }) => decision,
    at: ({ at }) => timeText(at),
    phase: ({ decision }) => decision.phase,
    share: ({ decision }) => shareText(decision.share),
    verdict: ({ decision }) => decision.verdict,
    requests: ({ decision }) => decision.evidence.requests.canary,
    'p95 ms, canary : stable': ({ decision }) => pair(decision.evidence.p95),
    'errors, canary : stable': ({ decision }) => pair(decision.evidence.errors),
    why: ({ decision }) => decision.reason,
  });
  if (shown.length === 0) context.out.say('no decision has been made yet');
}

function pair({ canary, control }: { canary: number; control: number }): string {
  return `${Math.round(canary)} : ${Math.round(control)}`;
}
