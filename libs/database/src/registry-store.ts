import { AppError } from '@frontier/contracts/errors';
import type { NewAuditEntry, RegistryStore, VersionRecord, VersionState } from '@frontier/contracts/registry';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import { audit } from './audit-store.ts';
import type { Database } from './database.ts';
import { broke } from './errors.ts';
import { evidenceAndGates } from './evidence-store.ts';
import { pageOf, pageSize, readCursor } from './paging.ts';
import { now, type Tables } from './tables.ts';

const cursorKeys = z.tuple([z.string(), z.string()]);

/** Versions in the order of their names, their evidence and the judgements of their gates. */
export function createRegistryStore(database: Database): RegistryStore {
  return { ...reading(database), ...changing(database), ...evidenceAndGates(database) };
}

function reading(database: Database): Pick<RegistryStore, 'version' | 'versions'> {
  return {
    version: (model, version) => database.run((db) => find(db, model, version)),

    versions: (filter, limit, cursor) =>
      database.run(async (db) => {
        const size = pageSize(limit);
        const from = readCursor(cursor, cursorKeys);
        let query = db.selectFrom('versions').selectAll();
        if (filter.model !== undefined) query = query.where('model', '=', filter.model);
        if (filter.state !== undefined) query = query.where('state', '=', filter.state);
        if (from) {
          query = query.where((row) =>
            row(row.refTuple('model', 'version'), '>', row.tuple(from[0], from[1])),
          );
        }
        const rows = await query
          .orderBy('model')
          .orderBy('version')
          .limit(size + 1)
          .execute();
        return pageOf(
          rows,
          size,
          ({ model, version }) => [model, version],
          (row) => row,
        );
      }),
  };
}

function changing(database: Database): Pick<RegistryStore, 'register' | 'move'> {
  return {
    register: (version, entry) =>
      database.transaction(async (tx): Promise<VersionRecord> => {
        const added = await tx
          .insertInto('versions')
          .values({
            ...version,
            lineage: JSON.stringify(version.lineage),
            state: 'draft',
            author: entry.who,
            createdAt: now,
            updatedAt: now,
          })
          .onConflict((conflict) => conflict.doNothing())
          .returningAll()
          .executeTakeFirst();
        if (!added) return sameVersion(tx, version);
        await audit(tx, entry);
        return added;
      }),

    move: (model, version, from, to, entry) =>
      database.transaction(async (tx) => {
        const former = to === 'production' ? await archiveFormer(tx, model, version) : undefined;
        const moved = await setState(tx, { model, version, from, to });
        if (!moved) throw await whyNotMoved(tx, { model, version, from });
        if (former !== undefined) await audit(tx, archived(former, moved, entry));
        await audit(tx, entry);
        return moved;
      }),
  };
}

function find(db: Pick<Transaction<Tables>, 'selectFrom'>, model: string, version: string) {
  return db
    .selectFrom('versions')
    .selectAll()
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
}

/** Versions are immutable: a second registration is a repetition of the first or an error. */
async function sameVersion(
  tx: Transaction<Tables>,
  { model, version, digest }: { model: string; version: string; digest: string },
): Promise<VersionRecord> {
  const there = await find(tx, model, version);
  if (there?.digest === digest) return there;
  throw new AppError('CONFLICT', `${model} ${version} is registered with other contents; choose a new version`, {
    details: { registered: there?.digest, given: digest },
  }); // prettier-ignore
}

interface Change {
  model: string;
  version: string;
  from: VersionState;
  to: VersionState;
}

async function setState(tx: Transaction<Tables>, { model, version, from, to }: Change) {
  try {
    return await tx
      .updateTable('versions')
      .set({ state: to, updatedAt: now })
      .where('model', '=', model)
      .where('version', '=', version)
      .where('state', '=', from)
      .returningAll()
      .executeTakeFirst();
  } catch (error) {
    if (!broke(error, 'one_production')) throw error;
    throw new AppError('CONFLICT', `another version of ${model} has just become production; read it again`, {
      cause: error,
    });
  }
}

async function whyNotMoved(
  tx: Transaction<Tables>,
  { model, version, from }: Omit<Change, 'to'>,
): Promise<AppError> {
  const there = await find(tx, model, version);
  if (!there) return new AppError('NOT_FOUND', `${model} has no version ${version}`);
  return new AppError('CONFLICT', `${model} ${version} is ${there.state}, not ${from}; read it again`);
}

/** A model has one version in production: the former one, whose name this gives, leaves as the new one comes. */
async function archiveFormer(
  tx: Transaction<Tables>,
  model: string,
  successor: string,
): Promise<string | undefined> {
  const former = await tx
    .updateTable('versions')
    .set({ state: 'archived', updatedAt: now })
    .where('model', '=', model)
    .where('state', '=', 'production')
    .where('version', '!=', successor)
    .returning('version')
    .executeTakeFirst();
  return former?.version;
}

function archived(former: string, { model, version }: VersionRecord, entry: NewAuditEntry): NewAuditEntry {
  return {
    who: entry.who,
    action: entry.action,
    subject: `version/${model}@${former}`,
    before: { state: 'production' },
    after: { state: 'archived' },
    why: `${version} became production: ${entry.why}`,
  };
}
