import { AppError } from '@frontier/contracts/errors';
import { newExperimentSchema, type Experiment, type GatewayKpi } from '@frontier/contracts/experiment';
import { experimentResult } from '@frontier/policy/experiment';
import { z } from 'zod';
import type { ExperimentSource } from '../experiments.ts';
import { conflict } from '../http/refusal.ts';
import { audit, route, type Route } from '../http/route.ts';
import { id, model, page, why } from '../http/schemas.ts';
import { newExperiment } from '../new-experiment.ts';
import type { Stores } from '../stores.ts';

const params = z.strictObject({ id });

/** Experiments and what is known of them. */
export function experimentRoutes(open: () => Promise<ExperimentSource>, now: () => number): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/experiments',
      summary: 'Experiments of the last 90 days, the latest first',
      role: 'viewer',
      query: z.strictObject({ limit: page.limit, model: model.optional() }),
      handle: async ({ query }) => ({ data: await (await open()).list(query.limit, query.model) }),
    }),
    route({
      method: 'get',
      path: '/admin/experiments/{id}',
      summary: 'One experiment and its result, which may be looked at as often as one likes',
      role: 'viewer',
      params,
      async handle({ params }) {
        const store = await open();
        const experiment = await needExperiment(store, params.id);
        const { plan, startedAt, endedAt } = experiment;
        const arms = await store.counts(experiment, plan.kpi.name as GatewayKpi);
        return {
          data: { ...experiment, result: experimentResult(plan, { startedAt, arms }, endedAt ?? now()) },
        };
      },
    }),
  ];
}

/** Their start and their end. */
export function experimentChanges(
  stores: Stores,
  open: () => Promise<ExperimentSource>,
  now: () => number,
): Route[] {
  return [
    route({
      method: 'post',
      path: '/admin/experiments',
      summary: 'Splits the calls of a model between versions; not while a rollout of it runs',
      role: 'operator',
      body: newExperimentSchema.extend({ why }),
      async handle({ caller, body }) {
        const store = await open();
        const found = await store.traffic.get(body.model);
        const { experiment, traffic } = await newExperiment(stores, body, found, {
          who: caller.who,
          at: now(),
        });
        const { plan, model, arms } = experiment;
        // First the log, then the plan: calls must not be split without either.
        await stores.audit.append(audit(caller, 'experiment.start', `experiment/${plan.id}`, { after: { model, arms, plan }, why: body.why })); // prettier-ignore
        await store.put(experiment);
        try {
          await store.traffic.put(traffic, found?.epoch ?? 0);
        } catch (error) {
          await store.remove(plan.id);
          throw error;
        }
        return { status: 201, data: experiment };
      },
    }),
    route({
      method: 'post',
      path: '/admin/experiments/{id}/stop',
      summary: 'Gives all calls back to stable; the result stays',
      role: 'operator',
      params,
      body: z.strictObject({ why }),
      async handle({ caller, params, body }) {
        const store = await open();
        const experiment = await needExperiment(store, params.id);
        if (experiment.endedAt !== null)
          throw conflict('ended', `experiment ${params.id} was stopped before`);
        const found = await store.traffic.get(experiment.model);
        await stores.audit.append(audit(caller, 'experiment.stop', `experiment/${params.id}`, { before: { arms: experiment.arms }, why: body.why })); // prettier-ignore
        if (found?.experiment?.id === params.id)
          await store.traffic.put({ ...found, experiment: null }, found.epoch);
        const ended = { ...experiment, endedAt: now() };
        await store.put(ended);
        return { data: ended };
      },
    }),
  ];
}

/** Throws NOT_FOUND. */
async function needExperiment(store: ExperimentSource, id: string): Promise<Experiment> {
  const experiment = await store.get(id);
  if (!experiment) throw new AppError('NOT_FOUND', `no experiment ${id}: they are kept for 90 days`);
  return experiment;
}
