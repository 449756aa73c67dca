#!/nodejs/bin/node
// Brings the schema of the database up to date and ends: migrate. Safe to run twice, also at the same time.
// Waits up to MIGRATE_WAIT_MS for the database.
import { int, parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { openStores } from '@frontier/database/stores';
import pg from 'pg';
import { z } from 'zod';

const EXIT_CONFIG = 78;

const shape = {
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  migrateWaitMs: int().min(0).default(60_000),
};

const log = createLogger({ service: 'migrate', level: 'info' });

/** What was ever applied: name and time. */
async function migrations(url) {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    statement_timeout: 5_000,
    query_timeout: 6_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query('select name, at from frontier.migrations order by name')).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

async function migrate({ databaseUrl: url, migrateWaitMs: waitMs }) {
  await (await openStores({ url, log, waitMs })).close();
  return migrations(url);
}

try {
  log.info({ migrations: await migrate(parseEnv(shape, process.env)) }, 'the schema is up to date');
} catch (error) {
  if (error.exitCode === EXIT_CONFIG) process.stderr.write(`migrate: ${error.message}\n`);
  else
    log.fatal(
      { err: error },
      'the schema is as it was: is DATABASE_URL right, and may its user create tables?',
    );
  process.exitCode = error.exitCode ?? 1;
}
