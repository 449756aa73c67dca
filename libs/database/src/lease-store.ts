import type { LeaseStore } from '@frontier/contracts/registry';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { now } from './tables.ts';

/** Leases by the clock of the database: those of the holders may differ. */
export function createLeaseStore(database: Database): LeaseStore {
  return {
    hold: (name, holder, forMs) =>
      database.run(async (db) => {
        const until = sql<number>`${now} + ${forMs}::bigint`;
        const taken = await db
          .insertInto('leases')
          .values({ name, holder, until })
          .onConflict((conflict) =>
            conflict
              .column('name')
              .doUpdateSet({ holder, until })
              .where((lease) =>
                lease.or([lease('leases.holder', '=', holder), lease('leases.until', '<=', now)]),
              ),
          )
          .returning('holder')
          .executeTakeFirst();
        return taken !== undefined;
      }),

    release: (name, holder) =>
      database.run(async (db) => {
        await db.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute();
      }),
  };
}
