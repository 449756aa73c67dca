import { AppError } from '@frontier/contracts/errors';
import type { RolloutLogEntry, RolloutStore } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import { audit } from './audit-store.ts';
import { appendLine, beginChain, verifyChain } from './chain.ts';
import type { Database } from './database.ts';
import { broke } from './errors.ts';
import { pageOf, pageSize, readCursor } from './paging.ts';
import { now, type Tables } from './tables.ts';

/** Commands of one rollout that wait for its controller. */
const MAX_ORDERS = 100;

const cursorKeys = z.tuple([z.int(), z.string()]);
const chainOf = (rollout: string) => `rollout/${rollout}`;

/** Rollouts, their logs (lines are numbered from 1) and the digests that may not get traffic. */
export function createRolloutStore(database: Database): RolloutStore {
  return { ...records(database), ...log(database), ...orders(database), ...blocks(database) };
}

function records(database: Database): Pick<RolloutStore, 'create' | 'get' | 'list' | 'wait'> {
  return {
    create: (rollout, entry) =>
      database.transaction(async (tx) => {
        await insert(tx, rollout);
        await beginChain(tx, chainOf(rollout.id));
        await audit(tx, entry);
        return rollout;
      }),

    get: (id) =>
      database.run((db) => db.selectFrom('rollouts').selectAll().where('id', '=', id).executeTakeFirst()),

    list: (filter, limit, cursor) =>
      database.run(async (db) => {
        const size = pageSize(limit);
        const from = readCursor(cursor, cursorKeys);
        let query = db.selectFrom('rollouts').selectAll();
        if (filter.model !== undefined) query = query.where('model', '=', filter.model);
        if (filter.running !== undefined)
          query = query.where('endedAt', filter.running ? 'is' : 'is not', null);
        if (from) {
          query = query.where((row) =>
            row(row.refTuple('createdAt', 'id'), '<', row.tuple(from[0], from[1])),
          );
        }
        const rows = await query
          .orderBy('createdAt', 'desc')
          .orderBy('id', 'desc')
          .limit(size + 1)
          .execute();
        return pageOf(
          rows,
          size,
          ({ createdAt, id }) => [createdAt, id],
          (row) => row,
        );
      }),

    wait: (rollout, reason) =>
      database.run(async (db) => {
        await db.updateTable('rollouts').set({ waits: reason }).where('id', '=', rollout).execute();
      }),
  };
}

async function insert(tx: Transaction<Tables>, rollout: Rollout): Promise<void> {
  try {
    await tx
      .insertInto('rollouts')
      .values({ ...rollout, policy: JSON.stringify(rollout.policy) })
      .execute();
  } catch (error) {
    if (!broke(error, 'one_running')) throw error;
    throw new AppError('CONFLICT', `a rollout of ${rollout.model} runs; let it end or abort it first`, {
      cause: error,
    });
  }
}

function log(database: Database): Pick<RolloutStore, 'append' | 'log' | 'verify'> {
  return {
    append: ({ rollout, seq, at, event, decision }, change) =>
      database.transaction(async (tx) => {
        const id = `${rollout}-${seq}`;
        const make = () => ({ id, rollout, seq, at, event, decision });
        const line = await appendLine(tx, chainOf(rollout), make, seq);
        const { phase, share, salt, endedAt } = change;
        const changed = await tx
          .updateTable('rollouts')
          .set({ phase, share, salt, endedAt })
          .where('id', '=', rollout)
          .executeTakeFirst();
        if (changed.numUpdatedRows === 0n) throw noRollout(rollout);
        if (!line) {
          throw new AppError('CONFLICT', `${id} is not the next line of this log; read what is there`);
        }
        return line;
      }),

    log: (rollout, after, limit) =>
      database.run(async (db) => {
        const rows = await db
          .selectFrom('chainLines')
          .select(['line', 'hash'])
          .where('chain', '=', chainOf(rollout))
          .where('seq', '>', after)
          .orderBy('seq')
          .limit(pageSize(limit))
          .execute();
        return rows.map(({ line, hash }) => ({ ...(line as Omit<RolloutLogEntry, 'hash'>), hash }));
      }),

    verify: (rollout) => database.run((db) => verifyChain(db, chainOf(rollout))),
  };
}

function orders(database: Database): Pick<RolloutStore, 'order' | 'orders' | 'taken'> {
  return {
    order: (rollout, command, entry) =>
      database.transaction(async (tx) => {
        const found = await tx
          .selectFrom('rollouts')
          .select('endedAt')
          .where('id', '=', rollout)
          .forUpdate()
          .executeTakeFirst();
        if (!found) throw noRollout(rollout);
        if (found.endedAt !== null) throw new AppError('CONFLICT', `rollout ${rollout} has ended`);
        await tx
          .insertInto('orders')
          .values({ rollout, event: JSON.stringify(command) })
          .execute();
        await audit(tx, entry);
      }),

    orders: (rollout) =>
      database.run(async (db) => {
        const rows = await db
          .selectFrom('orders')
          .select(['id', 'event'])
          .where('rollout', '=', rollout)
          .where('takenAt', 'is', null)
          .orderBy('id')
          .limit(MAX_ORDERS)
          .execute();
        return rows.map(({ id, event }) => ({ id: `${id}`, event }));
      }),

    taken: (order) =>
      database.run(async (db) => {
        await db
          .updateTable('orders')
          .set({ takenAt: now })
          .where('id', '=', Number(order))
          .where('takenAt', 'is', null)
          .execute();
      }),
  };
}

/** Blocking may be done twice: a controller does it again after a restart. */
function blocks(database: Database): Pick<RolloutStore, 'block' | 'unblock' | 'blocked'> {
  return {
    block: (digest, rollout, entry) =>
      database.transaction(async (tx) => {
        const added = await tx
          .insertInto('blocked')
          .values({ digest, rollout, at: now })
          .onConflict((conflict) => conflict.doNothing())
          .returning('digest')
          .executeTakeFirst();
        if (added) await audit(tx, entry);
      }),

    unblock: (digest, entry) =>
      database.transaction(async (tx) => {
        const removed = await tx
          .deleteFrom('blocked')
          .where('digest', '=', digest)
          .returning('digest')
          .executeTakeFirst();
        if (!removed) throw new AppError('NOT_FOUND', `${digest} is not blocked`);
        await audit(tx, entry);
      }),

    blocked: () =>
      database.run(async (db) => {
        const rows = await db.selectFrom('blocked').select('digest').orderBy('digest').execute();
        return rows.map(({ digest }) => digest);
      }),
  };
}

const noRollout = (id: string) => new AppError('NOT_FOUND', `there is no rollout ${id}`);
