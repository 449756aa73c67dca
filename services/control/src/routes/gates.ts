import { AppError } from '@frontier/contracts/errors';
import { GATES, newEvidenceSchema, type EvidenceRecord, type Gate, type GateRecord, type OwnerRole, type RegistryStore } from '@frontier/contracts/registry'; // prettier-ignore
import {
  assess,
  attachRefusal,
  judgeRefusal,
  roleOf,
  sentBack,
  standing,
  unsigned,
} from '@frontier/policy/gates';
import { z } from 'zod';
import type { StoredGovernance } from '../governance.ts';
import { audit, route, type Call, type Route } from '../http/route.ts';
import { why } from '../http/schemas.ts';
import { needVersion, subjectOf, versionParams } from './versions.ts';

const MAX_REPORT_BYTES = 1024 * 1024;
/** Deeper ones are no reports; hashing them would need a deep stack. */
const MAX_DEPTH = 32;

const judgement = z.strictObject({
  verdict: z
    .enum(['pass', 'fail'])
    .describe('What the owner says; evidence that falls short overrules a pass'),
  why,
});
const gateParams = versionParams.extend({ gate: z.enum(GATES) });

/** Evidence and the gates that are judged by it. */
export function gateRoutes(registry: RegistryStore, governance: () => Promise<StoredGovernance>): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/versions/{model}/{version}/evidence',
      summary: 'The reports of a version',
      role: 'viewer',
      params: versionParams,
      async handle({ params }) {
        await needVersion(registry, params);
        return { data: await registry.evidence(params.model, params.version) };
      },
    }),
    route({
      method: 'post',
      path: '/admin/versions/{model}/{version}/evidence',
      summary: 'Attaches a report to a gate, under its hash',
      role: 'operator',
      params: versionParams,
      body: newEvidenceSchema.extend({ why }),
      async handle({ caller, params, body: { why, ...evidence } }) {
        const { policy } = await governance();
        const record = await needVersion(registry, params);
        checkReport(evidence.report, record.digest);
        const refused = attachRefusal(policy, evidence.gate, evidence.kind);
        if (refused) throw refused;
        const after = { gate: evidence.gate, kind: evidence.kind };
        const entry = audit(caller, 'evidence.attach', subjectOf(params), { after, why });
        return { status: 201, data: await registry.attach(params.model, params.version, evidence, entry) };
      },
    }),
    route({
      method: 'get',
      path: '/admin/versions/{model}/{version}/gates',
      summary: 'The last judgement of each gate, those that count as passed, and what the next one needs',
      role: 'viewer',
      params: versionParams,
      async handle({ params }) {
        const { policy } = await governance();
        const record = await needVersion(registry, params);
        const gates = await registry.gates(params.model, params.version);
        const facts = { version: record, gates };
        const passed = standing(policy, facts);
        const next = GATES.find((gate) => !passed.includes(gate));
        const needs = next && { gate: next, ...policy.gates[next], unsigned: unsigned(policy, facts, next) };
        return { data: { gates, passed, next: needs ?? null } };
      },
    }),
    route({
      method: 'post',
      path: '/admin/versions/{model}/{version}/gates/{gate}',
      summary: 'Judges a gate by its evidence',
      role: 'approver',
      params: gateParams,
      body: judgement,
      handle: async (call) => ({ data: await judge(registry, await governance(), call) }),
    }),
  ];
}

async function judge(
  registry: RegistryStore,
  governance: StoredGovernance,
  { caller, params, body }: Call<z.output<typeof gateParams>, undefined, z.output<typeof judgement>>,
) {
  const { policy } = governance;
  const { gate, model, version } = params;
  const record = await needVersion(registry, { model, version });
  const [evidence, gates] = await Promise.all([
    registry.evidence(model, version),
    registry.gates(model, version),
  ]);
  const facts = { version: record, evidence, gates };
  const refused = judgeRefusal(policy, facts, gate, caller);
  if (refused) throw refused;
  const found = assess(governance, facts, gate);
  const passed = found.passed && body.verdict === 'pass';
  const reason = body.verdict === 'fail' ? `failed by ${caller.who}: ${body.why}` : found.reason;
  const role = roleOf(policy, facts, gate, caller);
  const used = evidence.filter(({ id }) => found.evidence.includes(id)).map(hashed);
  const judged = await registry.judge(
    { model, version, gate, passed, reason, evidence: found.evidence, role, approver: caller.who },
    audit(caller, 'gate.judge', subjectOf(params), {
      before: lastOf(gates, gate, role),
      after: { gate, role, passed, reason, evidence: used, policy: governance.sha256 },
      why: body.why,
    }),
  );
  if (passed || !sentBack(policy, gate, record.state)) return judged;
  await registry.move(
    model,
    version,
    record.state,
    'draft',
    audit(caller, 'version.move', subjectOf(params), {
      before: { state: record.state },
      after: { state: 'draft' },
      why: `${gate} failed: ${reason}`.slice(0, 1_000),
    }),
  );
  return judged;
}

function lastOf(gates: readonly GateRecord[], gate: Gate, role: OwnerRole) {
  const last = gates.find((record) => record.gate === gate && record.role === role);
  return last ? { gate, role, passed: last.passed, at: last.at } : null;
}

function hashed({ id, kind, sha256 }: EvidenceRecord) {
  return { id, kind, sha256 };
}

/** Throws INVALID_INPUT, PAYLOAD_TOO_LARGE, and CONFLICT for a report that is about other content. */
function checkReport(report: Record<string, unknown>, digest: string): void {
  if (depthOf(report, MAX_DEPTH) > MAX_DEPTH) {
    throw new AppError('INVALID_INPUT', `report: nested more than ${MAX_DEPTH} deep`, {
      details: { field: 'report' },
    });
  }
  if (Buffer.byteLength(JSON.stringify(report)) > MAX_REPORT_BYTES) {
    throw new AppError(
      'PAYLOAD_TOO_LARGE',
      `report: over ${MAX_REPORT_BYTES} bytes; attach a summary and its hash`,
      {
        details: { max_bytes: MAX_REPORT_BYTES },
      },
    );
  }
  if (report['digest'] !== undefined && report['digest'] !== digest) {
    throw new AppError('CONFLICT', `report.digest: this version is ${digest}; make the report of this one`, {
      details: { reason: 'digest' },
    });
  }
}

/** How deep a JSON value is, looked at no further than one below `max`. */
function depthOf(value: unknown, max: number): number {
  if (typeof value !== 'object' || value === null || max < 0) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner, max - 1)));
}
