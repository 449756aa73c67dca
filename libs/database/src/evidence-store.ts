import { randomUUID } from 'node:crypto';
import { AppError } from '@frontier/contracts/errors';
import type { EvidenceRecord, GateRecord, RegistryStore } from '@frontier/contracts/registry';
import type { Transaction } from 'kysely';
import { audit } from './audit-store.ts';
import { canonicalJson, sha256 } from './canonical-json.ts';
import type { Database } from './database.ts';
import { now, type Tables } from './tables.ts';

const MAX_REPORT_BYTES = 1024 * 1024;
/** Reports of one version; each new evaluation attaches some. */
const MAX_EVIDENCE = 1_000;

const EVIDENCE = ['id', 'model', 'version', 'gate', 'kind', 'sha256', 'author', 'createdAt'] as const;
const JUDGEMENT = ['model', 'version', 'gate', 'passed', 'reason', 'evidence', 'role', 'approver', 'at'] as const; // prettier-ignore

type Part = 'attach' | 'evidence' | 'judge' | 'gates';

/** The part of the registry that says why a version is where it is. Nothing of it is ever changed. */
export function evidenceAndGates(database: Database): Pick<RegistryStore, Part> {
  return { ...evidence(database), ...gates(database) };
}

function evidence(database: Database): Pick<RegistryStore, 'attach' | 'evidence'> {
  return {
    attach: (model, version, { gate, kind, report }, entry) =>
      database.transaction(async (tx): Promise<EvidenceRecord> => {
        await lockVersion(tx, model, version);
        const text = reportText(report);
        const hash = `sha256:${sha256(text)}`;
        await tx
          .insertInto('reports')
          .values({ sha256: hash, report: text })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        const added = await tx
          .insertInto('evidence')
          .values({
            id: randomUUID(),
            model,
            version,
            gate,
            kind,
            sha256: hash,
            author: entry.who,
            createdAt: now,
          })
          .returning(EVIDENCE)
          .executeTakeFirstOrThrow();
        await audit(tx, entry);
        return { ...added, report };
      }),

    // In order; where there are too many, the newest.
    evidence: (model, version) =>
      database.run(async (db) => {
        const rows = await db
          .selectFrom('evidence')
          .innerJoin('reports', 'reports.sha256', 'evidence.sha256')
          .select([
            'evidence.id',
            'evidence.model',
            'evidence.version',
            'evidence.gate',
            'evidence.kind',
            'evidence.sha256',
            'evidence.author',
            'evidence.createdAt',
            'reports.report',
          ])
          .where('evidence.model', '=', model)
          .where('evidence.version', '=', version)
          .orderBy('evidence.position', 'desc')
          .limit(MAX_EVIDENCE)
          .execute();
        return rows.reverse();
      }),
  };
}

function reportText(report: Record<string, unknown>): string {
  const text = canonicalJson(report);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_REPORT_BYTES) return text;
  throw new AppError(
    'PAYLOAD_TOO_LARGE',
    `a report may have ${MAX_REPORT_BYTES} bytes; this one has ${bytes}`,
  );
}

function gates(database: Database): Pick<RegistryStore, 'judge' | 'gates'> {
  return {
    judge: (gate, entry) =>
      database.transaction(async (tx): Promise<GateRecord> => {
        await lockVersion(tx, gate.model, gate.version);
        await requireEvidence(tx, gate);
        const added = await tx
          .insertInto('judgements')
          .values({ ...gate, evidence: JSON.stringify(gate.evidence), at: now })
          .returning(JUDGEMENT)
          .executeTakeFirstOrThrow();
        await audit(tx, entry);
        return added;
      }),

    // A gate that two roles sign has the last judgement of each.
    gates: (model, version) =>
      database.run((db) =>
        db
          .selectFrom('judgements')
          .select(JUDGEMENT)
          .distinctOn(['gate', 'role'])
          .where('model', '=', model)
          .where('version', '=', version)
          .orderBy('gate')
          .orderBy('role')
          .orderBy('position', 'desc')
          .execute(),
      ),
  };
}

/** Throws NOT_FOUND where there is no such version. */
async function lockVersion(tx: Transaction<Tables>, model: string, version: string): Promise<void> {
  const found = await tx
    .selectFrom('versions')
    .select('version')
    .where('model', '=', model)
    .where('version', '=', version)
    .forKeyShare()
    .executeTakeFirst();
  if (!found) throw new AppError('NOT_FOUND', `${model} has no version ${version}`);
}

async function requireEvidence(
  tx: Transaction<Tables>,
  { model, version, evidence }: Omit<GateRecord, 'at'>,
): Promise<void> {
  if (evidence.length === 0) return;
  const rows = await tx
    .selectFrom('evidence')
    .select('id')
    .where('id', 'in', evidence)
    .where('model', '=', model)
    .where('version', '=', version)
    .execute();
  const known = new Set(rows.map(({ id }) => id));
  const missing = evidence.filter((id) => !known.has(id));
  if (missing.length === 0) return;
  throw new AppError('INVALID_INPUT', `${model} ${version} has no such evidence; attach it first`, {
    details: { missing },
  }); // prettier-ignore
}
