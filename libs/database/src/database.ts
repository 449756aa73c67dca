import { AppError } from '@frontier/contracts/errors';
import { sleep } from '@frontier/kit/abort';
import type { Logger } from '@frontier/kit/logger';
import { CamelCasePlugin, Kysely, PGliteDialect, PostgresDialect, type Transaction } from 'kysely';
import { Pool, types } from 'pg';
import { createEmbedded } from './embedded.ts';
import { toAppError } from './errors.ts';
import { migrate } from './migrate.ts';
import { SCHEMA, type Tables } from './tables.ts';

export interface DatabaseOptions {
  /** Of a PostgreSQL server. Without it the database runs inside this process. */
  url?: string | undefined;
  /** Where the embedded database keeps its data, for this process alone; in memory without it. */
  folder?: string | undefined;
  log: Logger;
  /** How long to wait for a server that cannot be reached yet: an installation starts everything at once. */
  waitMs?: number;
  /** Ends that wait. */
  signal?: AbortSignal;
}

/** Whatever fails in there is thrown as an AppError. */
export interface Database {
  run<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  transaction<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const CONNECTIONS = 8;
const CONNECT_MS = 2_000;
const STATEMENT_MS = 5_000;
/** Only where the server says nothing at all; else its own limit comes first. */
const SILENCE_MS = STATEMENT_MS + 1_000;
const RETRY_MS = 500;

/**
 * Opens a database and brings its schema up to date, which several processes may do at once. Waiting for a
 * connection, a statement and a silent server have deadlines. Throws UNAVAILABLE when it cannot be reached.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, folder, log } = options;
  const dialect = url
    ? new PostgresDialect({ pool: createPool(url, log) })
    : new PGliteDialect({ pglite: createEmbedded(folder) });
  const plugins = [new CamelCasePlugin({ maintainNestedObjectKeys: true })];
  const db = new Kysely<Tables>({ dialect, plugins }).withSchema(SCHEMA);
  try {
    await migrateWhenReachable(db, options);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    run: (work) => asAppError(() => work(db)),
    transaction: (work) => asAppError(() => db.transaction().execute(work)),
    close: () => db.destroy(),
  };
}

async function migrateWhenReachable(
  db: Kysely<Tables>,
  { waitMs = 0, signal, log }: DatabaseOptions,
): Promise<void> {
  const end = performance.now() + waitMs;
  for (let told = false; ; told = true) {
    try {
      return await asAppError(() => migrate(db));
    } catch (error) {
      const { code, cause } = AppError.from(error);
      if (code !== 'UNAVAILABLE' || performance.now() >= end) throw error;
      if (!told) log.warn({ reason: reasonOf(cause) }, 'waiting for the database');
      if (!(await sleep(RETRY_MS, signal))) throw error;
    }
  }
}

/** In a line: a host with several addresses fails with an error for each. */
function reasonOf(cause: unknown): string {
  return cause instanceof AggregateError ? cause.errors.map(String).join('; ') : String(cause);
}

async function asAppError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toAppError(error);
  }
}

function createPool(url: string, log: Logger): Pool {
  const pool = new Pool({
    connectionString: url,
    application_name: 'frontier',
    max: CONNECTIONS,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: SILENCE_MS,
    idle_in_transaction_session_timeout: SILENCE_MS,
    // Counters and Unix times, all below 2^53; the driver would give texts.
    types: {
      getTypeParser: (id, format) => (id === types.builtins.INT8 ? Number : types.getTypeParser(id, format)),
    },
  });
  // Whoever uses the connection gets the error too; unheard it would end the process.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ err: error }, 'lost a connection to the database'));
  });
  // The same once more, of connections that nobody uses.
  pool.on('error', () => undefined);
  return pool;
}
