import { AppError } from '@frontier/contracts/errors';
import type { ApiKeyRecord, KeyStore } from '@frontier/contracts/registry';
import { sql } from 'kysely';
import { audit } from './audit-store.ts';
import type { Database } from './database.ts';
import { now } from './tables.ts';

/** A key that is used all the time is written once in this time. */
const USED_EVERY_MS = 60_000;
const MAX_KEYS = 10_000;

const PUBLIC = ['id', 'name', 'role', 'owns', 'createdAt', 'revokedAt', 'lastUsedAt'] as const;

/** Keys of the admin API. */
export function createKeyStore(database: Database): KeyStore {
  return {
    create: ({ id, name, role, owns, secretHash }, entry) =>
      database.transaction(async (tx): Promise<ApiKeyRecord> => {
        const key = await tx
          .insertInto('apiKeys')
          .values({ id, name, role, owns: JSON.stringify(owns), secretHash, createdAt: now })
          .onConflict((conflict) => conflict.doNothing())
          .returning(PUBLIC)
          .executeTakeFirst();
        if (!key) throw new AppError('CONFLICT', `there is a key ${id} already`);
        await audit(tx, entry);
        return key;
      }),

    find: (id) =>
      database.run((db) =>
        db
          .selectFrom('apiKeys')
          .select([...PUBLIC, 'secretHash'])
          .where('id', '=', id)
          .executeTakeFirst(),
      ),

    list: () =>
      database.run((db) =>
        db.selectFrom('apiKeys').select(PUBLIC).orderBy('createdAt').orderBy('id').limit(MAX_KEYS).execute(),
      ),

    revoke: (id, entry) =>
      database.transaction(async (tx) => {
        const key = await tx
          .updateTable('apiKeys')
          .set({ revokedAt: now })
          .where('id', '=', id)
          .where('revokedAt', 'is', null)
          .returning('id')
          .executeTakeFirst();
        if (!key) return false;
        await audit(tx, entry);
        return true;
      }),

    used: (id) =>
      database.run(async (db) => {
        await db
          .updateTable('apiKeys')
          .set({ lastUsedAt: now })
          .where('id', '=', id)
          .where(sql<boolean>`coalesce(last_used_at, 0) < ${now} - ${sql.lit(USED_EVERY_MS)}`)
          .execute();
      }),
  };
}
