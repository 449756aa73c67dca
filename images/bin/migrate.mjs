#!/nodejs/bin/node
// Brings the schema of the database up to date and ends: migrate. Safe to run twice, also at the same time.
// Waits up to MIGRATE_WAIT_MS for the database.
import { setTimeout as sleep } from 'node:timers/promises';
import { int, parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { openStores } from '@frontier/database/stores';
import pg from 'pg';
import { z } from 'zod';

const EXIT_CONFIG = 78;
const RETRY_MS = 1_000;

const shape = {
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  migrateWaitMs: int().min(0).default(60_000),
};

const log = createLogger({ service: 'migrate', level: 'info' });

/** Names of what has been applied; none where there is no schema yet. */
async function applied(url) {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    statement_timeout: 5_000,
    query_timeout: 6_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(`select to_regclass('frontier.migrations') is not null as there`);
    if (!rows[0].there) return [];
    return (await client.query('select name from frontier.migrations order by name')).rows.map(
      ({ name }) => name,
    );
  } finally {
    await client.end().catch(() => {});
  }
}

async function migrate(url) {
  const before = await applied(url);
  await (await openStores({ url, log })).close();
  const after = await applied(url);
  return { applied: after.filter((name) => !before.includes(name)), before };
}

/** What may pass: nothing listens, or it is still starting. */
const passes = (error) => error.code === 'UNAVAILABLE' || /^(?:E[A-Z]+|57P03|08...)$/.test(error.code ?? '') || /timeout/i.test(error.message); // prettier-ignore

async function waiting({ databaseUrl, migrateWaitMs }) {
  const end = performance.now() + migrateWaitMs;
  for (let told = false; ; told = true) {
    try {
      return await migrate(databaseUrl);
    } catch (error) {
      if (!passes(error) || performance.now() > end) throw error;
      const { host } = new URL(databaseUrl);
      if (!told) log.info({ host, reason: error.message || error.code }, 'waiting for the database');
      await sleep(RETRY_MS);
    }
  }
}

try {
  log.info(await waiting(parseEnv(shape, process.env)), 'the schema is up to date');
} catch (error) {
  if (error.exitCode === EXIT_CONFIG) process.stderr.write(`migrate: ${error.message}\n`);
  else
    log.fatal(
      { reason: error.message, code: error.code },
      'the schema is as it was: is DATABASE_URL right, and may its user create tables?',
    );
  process.exitCode = error.exitCode ?? 1;
}
