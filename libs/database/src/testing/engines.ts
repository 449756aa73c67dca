import { createLogger } from '@frontier/kit/logger';
import type { DatabaseOptions } from '../database.ts';
import { serveEmbedded } from '../embedded-server.ts';
import { findPostgres, newDatabase, startPostgres } from './postgres.ts';

export const log = createLogger({ service: 'test', level: 'silent' });

export interface Engine {
  /** Opened several times it is the same database, unless it is in memory. */
  options: DatabaseOptions;
  stop(): Promise<void>;
}

const embedded = {
  name: 'embedded',
  start: (): Promise<Engine> => Promise.resolve({ options: { log }, stop: () => Promise.resolve() }),
};

const embeddedServer = {
  name: 'embedded, behind a socket',
  start: async (): Promise<Engine> => {
    const server = await serveEmbedded({ log });
    return { options: { url: server.url, log }, stop: () => server.close() };
  },
};

const testUrl = process.env['TEST_DATABASE_URL'];
const folder = findPostgres();

const postgres = {
  name: 'PostgreSQL',
  start: async (): Promise<Engine> => {
    const server = testUrl === undefined ? await startPostgres(folder as string) : undefined;
    const database = await newDatabase(testUrl ?? (server?.url as string));
    return {
      options: { url: database.url, log },
      stop: async () => {
        await database.drop();
        await server?.stop();
      },
    };
  },
};

const hasPostgres = testUrl !== undefined || folder !== undefined;
if (!hasPostgres) {
  process.stderr.write(
    'PostgreSQL is left out: none is installed. Install it, or set TEST_DATABASE_URL to a server.\n',
  );
}

/** Databases that several processes may use at once. */
export const shared = hasPostgres ? [embeddedServer, postgres] : [embeddedServer];
export const engines = [embedded, ...shared];
