import { AppError } from '@frontier/contracts/errors';
import { newRolloutSchema, type RolloutStore } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import { z } from 'zod';
import { audit, route, type Route } from '../http/route.ts';
import { given, id, model, page, version, why } from '../http/schemas.ts';
import { newRollout } from '../new-rollout.ts';
import type { Stores } from '../stores.ts';

export const rolloutParams = z.strictObject({ id });

/** Rollouts and their start. */
export function rolloutRoutes(stores: Stores, now: () => number): Route[] {
  const { rollouts } = stores;
  return [
    route({
      method: 'get',
      path: '/admin/rollouts',
      summary: 'Rollouts, by model, or only those that run',
      role: 'viewer',
      query: z.strictObject({ ...page, model: model.optional(), running: z.stringbool().optional() }),
      async handle({ query: { limit, cursor, ...filter } }) {
        const { items, next } = await rollouts.list(given(filter), limit, cursor);
        return { data: items, next };
      },
    }),
    route({
      method: 'post',
      path: '/admin/rollouts',
      summary: 'Starts a rollout of an approved version against the one in production',
      role: 'operator',
      body: newRolloutSchema.extend({ model, canary: version, why }),
      async handle({ caller, body }) {
        const rollout = await newRollout(stores, body, caller.who, now());
        const { id, stable, canary, canaryDigest } = rollout;
        const after = { stable, canary, canaryDigest, policy: rollout.policy };
        const entry = audit(caller, 'rollout.create', `rollout/${id}`, { after, why: body.why });
        return { status: 201, data: await rollouts.create(rollout, entry) };
      },
    }),
    route({
      method: 'get',
      path: '/admin/rollouts/{id}',
      summary: 'One rollout',
      role: 'viewer',
      params: rolloutParams,
      handle: async ({ params }) => ({ data: await needRollout(rollouts, params.id) }),
    }),
  ];
}

/** The logs of rollouts. */
export function rolloutLogRoutes(rollouts: RolloutStore): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/rollouts/{id}/log',
      summary: 'Events and decisions in order, from `after` (exclusive) on',
      role: 'viewer',
      params: rolloutParams,
      query: z.strictObject({ after: z.coerce.number().int().min(0).default(0), limit: page.limit }),
      async handle({ params, query }) {
        await needRollout(rollouts, params.id);
        return { data: await rollouts.log(params.id, query.after, query.limit) };
      },
    }),
    route({
      method: 'get',
      path: '/admin/rollouts/{id}/verify',
      summary: 'Whether the hash chain of the log is sound, or its first broken line',
      role: 'viewer',
      params: rolloutParams,
      async handle({ params }) {
        await needRollout(rollouts, params.id);
        const broken = await rollouts.verify(params.id);
        return { data: { sound: broken === undefined, broken: broken ?? null } };
      },
    }),
  ];
}

/** Throws NOT_FOUND. */
export async function needRollout(rollouts: RolloutStore, id: string): Promise<Rollout> {
  const rollout = await rollouts.get(id);
  if (!rollout) throw new AppError('NOT_FOUND', `no rollout ${id}`);
  return rollout;
}
