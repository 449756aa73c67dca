import { AppError } from '@frontier/contracts/errors';
import { newVersionSchema, VERSION_STATES, type RegistryStore, type VersionRecord } from '@frontier/contracts/registry'; // prettier-ignore
import { moveRefusal } from '@frontier/policy/gates';
import { z } from 'zod';
import type { StoredGovernance } from '../governance.ts';
import { forbidden } from '../http/refusal.ts';
import { audit, route, type Route } from '../http/route.ts';
import { given, model, page, version, why } from '../http/schemas.ts';
import type { Stores } from '../stores.ts';
import { checkPin, pin, type TrafficSource } from '../traffic.ts';

export const versionParams = z.strictObject({ model, version });

/** Throws NOT_FOUND. */
export async function needVersion(
  registry: RegistryStore,
  named: z.output<typeof versionParams>,
): Promise<VersionRecord> {
  const record = await registry.version(named.model, named.version);
  if (record) return record;
  throw new AppError('NOT_FOUND', `no version ${named.model}@${named.version}: register it first`);
}

export function subjectOf(named: { model: string; version: string }): string {
  return `version/${named.model}@${named.version}`;
}

/** Versions of models: what there is, new ones, and from state to state. */
export function versionRoutes(
  stores: Stores,
  governance: () => Promise<StoredGovernance>,
  traffic: () => Promise<TrafficSource>,
): Route[] {
  const { registry } = stores;
  return [
    route({
      method: 'get',
      path: '/admin/versions',
      summary: 'Versions, by model or state',
      role: 'viewer',
      query: z.strictObject({ ...page, model: model.optional(), state: z.enum(VERSION_STATES).optional() }),
      async handle({ query: { limit, cursor, ...filter } }) {
        const { items, next } = await registry.versions(given(filter), limit, cursor);
        return { data: items, next };
      },
    }),
    route({
      method: 'post',
      path: '/admin/versions',
      summary: 'Registers a published version as a draft; the same digest again gives its record',
      role: 'operator',
      body: newVersionSchema.extend({ why }),
      async handle({ caller, body: { why, ...fresh } }) {
        checkName(fresh.name, fresh.model);
        const { card: _long, ...after } = fresh;
        const entry = audit(caller, 'version.register', subjectOf(fresh), { after, why });
        return { status: 201, data: await registry.register(fresh, entry) };
      },
    }),
    route({
      method: 'get',
      path: '/admin/versions/{model}/{version}',
      summary: 'One version with its lineage and card',
      role: 'viewer',
      params: versionParams,
      async handle({ params }) {
        return { data: await needVersion(registry, params) };
      },
    }),
    moveRoute(stores, governance, traffic),
  ];
}

function moveRoute(
  stores: Stores,
  governance: () => Promise<StoredGovernance>,
  traffic: () => Promise<TrafficSource>,
): Route {
  return route({
    method: 'post',
    path: '/admin/versions/{model}/{version}/move',
    summary: 'Moves a version to another state, as far as its gates allow',
    role: 'approver',
    params: versionParams,
    body: z.strictObject({ to: z.enum(VERSION_STATES), why }),
    async handle({ caller, params, body: { to, why } }) {
      const { registry } = stores;
      const { policy } = await governance();
      const record = await needVersion(registry, params);
      const gates = await registry.gates(params.model, params.version);
      const refused = moveRefusal(policy, { version: record, gates }, to);
      if (refused) throw refused;
      if (caller.who === record.author && to !== 'archived' && to !== 'draft') {
        throw forbidden('author', `${caller.who} is the author: somebody else has to move it to ${to}`);
      }
      const source = to === 'production' ? await traffic() : undefined;
      if (source) await checkPin(stores, source, params.model, params.version);
      const { state } = record;
      const entry = audit(caller, 'version.move', subjectOf(params), { before: { state }, after: { state: to }, why }); // prettier-ignore
      const moved = await registry.move(params.model, params.version, state, to, entry);
      if (source) await pin(stores, source, params.model).catch(lateTraffic(subjectOf(params)));
      return { data: moved };
    },
  });
}

function lateTraffic(subject: string): (cause: unknown) => never {
  return (cause) => {
    throw new AppError('UNAVAILABLE', `${subject} is in production now, but the traffic could not be changed: the canary controller does it within a minute`, { cause, retryAfterS: 60 }); // prettier-ignore
  };
}

/** `family-name_version_date`: the first part is the model, the last one a day. */
function checkName(name: string, modelName: string): void {
  const [first, , date = ''] = name.split('_');
  if (first !== modelName) {
    throw new AppError('INVALID_INPUT', `name: must begin with the model, ${modelName}_<version>_<date>`, {
      details: { field: 'name' },
    });
  }
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].map(Number) as [number, number, number]; // prettier-ignore
  const parsed = new Date(Date.UTC(year, month - 1, day));
  if (parsed.getUTCMonth() !== month - 1 || parsed.getUTCDate() !== day) {
    throw new AppError('INVALID_INPUT', `name: ${date} is no day; it ends in YYYYMMDD`, {
      details: { field: 'name' },
    });
  }
}
