import { randomBytes } from 'node:crypto';
import type { RegistryStore, VersionRecord } from '@frontier/contracts/registry';
import { latencyBuckets } from '@frontier/kit/metrics';
import { WHOLE, type ModelTraffic } from '@frontier/contracts/traffic';
import { shadowEvidence } from '@frontier/policy/shadow-evidence';
import { z } from 'zod';
import { conflict } from '../http/refusal.ts';
import { audit, route, type Route } from '../http/route.ts';
import { why } from '../http/schemas.ts';
import type { Stores } from '../stores.ts';
import { recordOf, type TrafficSource } from '../traffic.ts';
import { needVersion, subjectOf, versionParams } from './versions.ts';

const PATH = '/admin/versions/{model}/{version}/shadow';

const starting = z.strictObject({
  share: z.int().min(1).max(WHOLE).default(1_000).describe(`Of ${WHOLE} calls, as many are copied`),
  why,
});
const stopping = z.strictObject({
  minCalls: z.int().min(1).default(1_000).describe('Compared calls that the report needs to pass'),
  driftDetectionRate: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('Part of injected drifts that were found, measured elsewhere; goes into the report'),
  why,
});

/** Shadows: copies of calls run on a version, are compared with stable's answers, and make the evidence of G4. */
export function shadowRoutes(stores: Stores, open: () => Promise<TrafficSource>): Route[] {
  return [showRoute(stores.registry, open), startRoute(stores, open), stopRoute(stores, open)];
}

function showRoute(registry: RegistryStore, open: () => Promise<TrafficSource>): Route {
  return route({
    method: 'get',
    path: PATH,
    summary: 'What the running shadow of a version has found so far',
    role: 'viewer',
    params: versionParams,
    async handle({ params }) {
      await needVersion(registry, params);
      const traffic = await open();
      const { shadow } = needShadow(await traffic.get(params.model), params);
      return { data: { ...shadow, report: await traffic.shadow(shadow.id) } };
    },
  });
}

function startRoute({ registry, rollouts, audit: log }: Stores, open: () => Promise<TrafficSource>): Route {
  return route({
    method: 'post',
    path: `${PATH}/start`,
    summary: 'Copies a share of the calls of its model to a version; nobody waits for the copies',
    role: 'operator',
    params: versionParams,
    body: starting,
    async handle({ caller, params, body: { share, why } }) {
      const record = await needVersion(registry, params);
      checkState(record, await rollouts.blocked());
      const [production] = (await registry.versions({ model: params.model, state: 'production' }, 1)).items;
      const traffic = await open();
      const found = await traffic.get(params.model);
      const stable = found?.stable ?? production?.version;
      if (stable === undefined) throw conflict('stable', `${params.model} has no version in production to compare with: attach a report by hand`); // prettier-ignore
      checkFree(found, params.version, stable);
      const shadow = { id: `sh-${randomBytes(8).toString('hex')}`, version: params.version, share };
      await log.append(audit(caller, 'shadow.start', subjectOf(params), { after: { ...shadow, stable }, why })); // prettier-ignore
      await traffic.put({ ...recordOf(found, params.model, stable), shadow }, found?.epoch ?? 0);
      return { status: 201, data: { ...shadow, stable } };
    },
  });
}

function stopRoute({ registry }: Stores, open: () => Promise<TrafficSource>): Route {
  return route({
    method: 'post',
    path: `${PATH}/stop`,
    summary: 'Attaches what the shadow of a version has found to G4, and ends it',
    role: 'operator',
    params: versionParams,
    body: stopping,
    async handle({ caller, params, body: { why, minCalls, driftDetectionRate } }) {
      const { digest } = await needVersion(registry, params);
      const traffic = await open();
      const { record, shadow } = needShadow(await traffic.get(params.model), params);
      const found = await traffic.shadow(shadow.id);
      const report = { ...shadowEvidence(found, { minCalls, driftDetectionRate, bounds: latencyBuckets }), digest, shadow: shadow.id, stable: record.stable }; // prettier-ignore
      const after = { gate: 'G4', kind: 'shadow', passed: report.passed, shadow: shadow.id };
      const entry = audit(caller, 'evidence.attach', subjectOf(params), { after, why });
      const { model, version } = params;
      // First the report: a shadow that goes on can be stopped again.
      const attached = await registry.attach(model, version, { gate: 'G4', kind: 'shadow', report }, entry);
      await traffic.put({ ...record, shadow: null }, record.epoch);
      return { status: 201, data: attached };
    },
  });
}

function needShadow(record: ModelTraffic | undefined, { model, version }: z.output<typeof versionParams>) {
  const shadow = record?.shadow;
  if (record && shadow?.version === version) return { record, shadow };
  throw conflict('shadow', `no shadow of ${model}@${version} runs: start one`);
}

function checkState({ model, version, state, digest }: VersionRecord, blocked: readonly string[]): void {
  if (state !== 'staging' && state !== 'approved') throw conflict('state', `${model}@${version} is in ${state}: a shadow is of a version in staging or approved`); // prettier-ignore
  if (blocked.includes(digest)) throw conflict('blocked', `${digest} was rolled back and is blocked: publish a new version`); // prettier-ignore
}

function checkFree(found: ModelTraffic | undefined, version: string, stable: string): void {
  if (version === stable) throw conflict('stable', `${version} is what is served: there is nothing to compare it with`); // prettier-ignore
  if (found?.rollout) throw conflict('rollout', `rollout ${found.rollout.id} has the traffic of this model: wait for its end`); // prettier-ignore
  if (found?.shadow) throw conflict('shadow', `a shadow of version ${found.shadow.version} runs: stop it first`); // prettier-ignore
}
