import type { Rollout, RolloutCommand, RolloutEvent } from '@frontier/contracts/rollout';
import { isSame } from './approval.ts';
import type { Tools } from './ports.ts';
import { unmetGate } from './promotion-gate.ts';
import type { Standing } from './standing.ts';

/** Orders that give the canary more traffic: not while the settings freeze all rollouts. */
const RISKY: ReadonlySet<RolloutCommand> = new Set(['promote', 'release', 'unfreeze']);

/** Why an order is not obeyed; undefined: it is. */
export async function refusalOf(
  tools: Pick<Tools, 'registry' | 'frozen' | 'gatePolicy'>,
  rollout: Rollout,
  standing: Standing,
  { command, who }: Extract<RolloutEvent, { kind: 'command' }>,
): Promise<string | undefined> {
  if (standing.ended) return 'the rollout has ended';
  const frozen = RISKY.has(command) ? tools.frozen() : undefined;
  if (frozen !== undefined) return `${frozen}: wait until it is over`;
  if (command !== 'promote') return undefined;
  const { model, canary } = rollout;
  const author = (await tools.registry.version(model, canary))?.author;
  if (author !== undefined && isSame(author, who)) return `${author} made this version: somebody else has to promote it`; // prettier-ignore
  return unmetGate(tools, rollout);
}
