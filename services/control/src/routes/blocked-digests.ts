import { AppError } from '@frontier/contracts/errors';
import type { RolloutStore } from '@frontier/contracts/registry';
import { z } from 'zod';
import { audit, route, type Route } from '../http/route.ts';
import { digest, why } from '../http/schemas.ts';

/** The controller follows the database: nothing else has to be changed here, and nothing can be half done. */
const NOTE =
  'a rollout may begin; until the canary controller has changed the traffic, within a minute where no rollout of the model runs, calls that name the version are refused';

/** Digests of versions that were rolled back. */
export function digestRoutes(rollouts: RolloutStore): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/blocked-digests',
      summary: 'Digests that get no traffic: their rollout was rolled back',
      role: 'viewer',
      handle: async () => ({ data: await rollouts.blocked() }),
    }),
    route({
      method: 'post',
      path: '/admin/blocked-digests/{digest}/unblock',
      summary: 'Lets a digest be rolled out again; a new digest is the better way',
      role: 'approver',
      params: z.strictObject({ digest }),
      body: z.strictObject({ why }),
      async handle({ caller, params, body }) {
        if (!(await rollouts.blocked()).includes(params.digest)) {
          throw new AppError('NOT_FOUND', `${params.digest} is not blocked`);
        }
        const entry = audit(caller, 'digest.unblock', `digest/${params.digest}`, { before: { blocked: true }, after: { blocked: false }, why: body.why }); // prettier-ignore
        await rollouts.unblock(params.digest, entry);
        return { data: { digest: params.digest, blocked: false, note: NOTE } };
      },
    }),
  ];
}
