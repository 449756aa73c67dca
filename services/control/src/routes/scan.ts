import type { RegistryStore } from '@frontier/contracts/registry';
import { z } from 'zod';
import type { StoredGovernance } from '../governance.ts';
import { audit, route, type Route } from '../http/route.ts';
import { why } from '../http/schemas.ts';
import type { Scanner } from '../scanner.ts';
import { needVersion, subjectOf, versionParams } from './versions.ts';

/** The scan that makes the evidence of gate G2. */
export function scanRoute(
  registry: RegistryStore,
  scanner: Scanner,
  governance: () => Promise<StoredGovernance>,
): Route {
  return route({
    method: 'post',
    path: '/admin/versions/{model}/{version}/scan',
    summary:
      'Checks digests, signature, formats and licence of a version where it lies, and attaches the report to G2',
    role: 'operator',
    params: versionParams,
    body: z.strictObject({ why }),
    async handle({ caller, params, body }) {
      const { policy } = await governance();
      const report = await scanner.scan(await needVersion(registry, params), policy.licences);
      const after = { gate: 'G2', kind: 'scan', passed: report.passed };
      const entry = audit(caller, 'evidence.attach', subjectOf(params), { after, why: body.why });
      const { model, version } = params;
      return {
        status: 201,
        data: await registry.attach(model, version, { gate: 'G2', kind: 'scan', report }, entry),
      };
    },
  });
}
