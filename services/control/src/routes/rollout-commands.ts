import type { RegistryStore, Role } from '@frontier/contracts/registry';
import { COMMANDS, type Rollout, type RolloutCommand } from '@frontier/contracts/rollout';
import { standing } from '@frontier/policy/gates';
import { z } from 'zod';
import type { StoredGovernance } from '../governance.ts';
import { conflict, forbidden } from '../http/refusal.ts';
import { audit, route, type Route } from '../http/route.ts';
import { why } from '../http/schemas.ts';
import type { Stores } from '../stores.ts';
import { needRollout, rolloutParams } from './rollouts.ts';
import { needVersion } from './versions.ts';

/** What makes a canary safer takes less than what gives it traffic. */
const ROLE_OF: Record<RolloutCommand, Role> = {
  pause: 'operator',
  abort: 'operator',
  freeze: 'operator',
  resume: 'approver',
  promote: 'approver',
  unfreeze: 'approver',
  release: 'approver',
};
const MEANS: Record<RolloutCommand, string> = {
  pause: 'Holds the share where it is',
  resume: 'Goes on after a pause',
  promote: 'Gives the canary all traffic; its gate G5 must have passed',
  abort: 'Takes all traffic from the canary; its digest is not blocked',
  freeze: 'Lets the share grow no more; a rollback goes on',
  unfreeze: 'Ends a freeze',
  release: 'Lets a rollout go on that waits for a person',
};

/** What a person tells a rollout; the canary controller takes it. */
export function commandRoutes(
  stores: Stores,
  governance: () => Promise<StoredGovernance>,
  now: () => number,
): Route[] {
  return COMMANDS.map((command) => commandRoute(command, stores, governance, now));
}

function commandRoute(
  command: RolloutCommand,
  stores: Stores,
  governance: () => Promise<StoredGovernance>,
  now: () => number,
): Route {
  return route({
    method: 'post',
    path: `/admin/rollouts/{id}/${command}`,
    summary: MEANS[command],
    role: ROLE_OF[command],
    params: rolloutParams,
    body: z.strictObject({ why }),
    async handle({ caller, params, body }) {
      const rollout = await needRollout(stores.rollouts, params.id);
      if (rollout.endedAt !== null) {
        throw conflict('ended', `rollout ${rollout.id} has ended (${rollout.phase}): start another one`);
      }
      if (command === 'promote')
        await checkPromotion(stores.registry, await governance(), rollout, caller.who);
      const { phase, share } = rollout;
      await stores.rollouts.order(
        rollout.id,
        { kind: 'command', at: now(), command, who: caller.who, why: body.why },
        audit(caller, `rollout.${command}`, `rollout/${rollout.id}`, { before: { phase, share }, after: { command }, why: body.why }), // prettier-ignore
      );
      return { status: 202, data: { rollout: rollout.id, command } };
    },
  });
}

async function checkPromotion(
  registry: RegistryStore,
  { policy }: StoredGovernance,
  rollout: Rollout,
  who: string,
): Promise<void> {
  const { model, canary } = rollout;
  const record = await needVersion(registry, { model, version: canary });
  if (record.author === who) {
    throw forbidden('author', `${who} is the author of ${model}@${canary}: somebody else has to promote it`);
  }
  const gates = await registry.gates(model, canary);
  if (!standing(policy, { version: record, gates }).includes('G5')) {
    throw conflict('gates', `G5 of ${model}@${canary} has not passed: have it judged first`);
  }
}
