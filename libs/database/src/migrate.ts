import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@frontier/contracts/errors';
import { sql, type Kysely } from 'kysely';
import { registryAndRollouts } from './migrations/0001-registry-and-rollouts.ts';
import { rolloutWaits } from './migrations/0002-rollout-waits.ts';
import { SCHEMA, type Tables } from './tables.ts';

export interface Migration {
  /** Never changed once it was released, nor are the statements. */
  name: string;
  statements: readonly string[];
}

/** In order. Each must suit the version of the program before it too: both run while it is rolled out. */
const MIGRATIONS: readonly Migration[] = [registryAndRollouts, rolloutWaits];

/** Any number that nobody else locks in this database. */
const LOCK = 7_260_011_921;
const WAIT_MS = 60_000;
const RETRY_MS = 100;

/**
 * Runs what is missing, in one transaction: all of it or nothing. Whoever comes second waits and finds it done;
 * after a minute it throws UNAVAILABLE.
 */
export async function migrate(db: Kysely<Tables>, migrations = MIGRATIONS): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (!(await db.transaction().execute((tx) => runMissing(tx, migrations)))) {
    if (performance.now() > end) {
      throw new AppError('UNAVAILABLE', 'another process has been changing the schema for a minute', {
        retryAfterS: 10,
      });
    }
    await sleep(RETRY_MS);
  }
}

/** False while another process is at it. */
async function runMissing(tx: Kysely<Tables>, migrations: readonly Migration[]): Promise<boolean> {
  // Of the transaction: it ends with it, also when this process dies.
  const lock = await sql<{ held: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(LOCK)}) as held`.execute(tx); // prettier-ignore
  if (!lock.rows[0]?.held) return false;
  const schema = sql.id(SCHEMA);
  await sql`create schema if not exists ${schema}`.execute(tx);
  await sql`create table if not exists ${schema}.migrations (name text primary key, at timestamptz not null default now())`.execute(tx); // prettier-ignore
  const done = await sql<{ name: string }>`select name from ${schema}.migrations`.execute(tx);
  const names = new Set(done.rows.map((row) => row.name));
  for (const { name, statements } of migrations.filter((migration) => !names.has(migration.name))) {
    for (const statement of statements) await sql.raw(statement).execute(tx);
    await sql`insert into ${schema}.migrations (name) values (${name})`.execute(tx);
  }
  return true;
}
