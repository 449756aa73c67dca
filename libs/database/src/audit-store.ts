import type { AuditEntry, AuditStore, NewAuditEntry } from '@frontier/contracts/registry';
import { sql, type Transaction } from 'kysely';
import { z } from 'zod';
import { appendLine, verifyChain } from './chain.ts';
import type { Database } from './database.ts';
import { pageOf, pageSize, readCursor } from './paging.ts';
import type { Tables } from './tables.ts';

const CHAIN = 'audit';

const cursorKeys = z.tuple([z.int()]);

/**
 * Writes the entry of a change, in the transaction of the change. To be called last: until the transaction ends all
 * others wait.
 */
export async function audit(tx: Transaction<Tables>, entry: NewAuditEntry): Promise<AuditEntry> {
  const { who, action, subject, before = null, after = null, why } = entry;
  const line = await appendLine(tx, CHAIN, (seq, at) => ({ seq, at, who, action, subject, before, after, why })); // prettier-ignore
  if (!line) throw new Error('the audit log is gone');
  return line;
}

/** The audit log, the newest entry first. */
export function createAuditStore(database: Database): AuditStore {
  return {
    append: (entry) => database.transaction((tx) => audit(tx, entry)),
    verify: () => database.run((db) => verifyChain(db, CHAIN)),

    list: (filter, limit, cursor) =>
      database.run(async (db) => {
        const size = pageSize(limit);
        const from = readCursor(cursor, cursorKeys);
        let query = db.selectFrom('chainLines').select(['seq', 'line', 'hash']).where('chain', '=', CHAIN);
        // As in the indexes.
        if (filter.subject !== undefined)
          query = query.where(sql<string>`line ->> 'subject'`, '=', filter.subject);
        if (filter.who !== undefined) query = query.where(sql<string>`line ->> 'who'`, '=', filter.who);
        if (from) query = query.where('seq', '<', from[0]);
        const rows = await query
          .orderBy('seq', 'desc')
          .limit(size + 1)
          .execute();
        return pageOf(
          rows,
          size,
          ({ seq }) => [seq],
          ({ line, hash }) => ({ ...(line as Omit<AuditEntry, 'hash'>), hash }),
        );
      }),
  };
}
