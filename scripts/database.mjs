// The embedded database as a process of its own, for all services of this machine:
// `node scripts/database.mjs [port] [folder]`, with a free port and .frontier/postgres as defaults. Needs a build.
import { join } from 'node:path';
import { createLogger } from '@frontier/kit/logger';
import { serveEmbedded } from '@frontier/database/embedded-server';
import { cache } from './lib/run.mjs';

const [port = '0', folder = join(cache, 'postgres')] = process.argv.slice(2);
// Written at once: what is left for the end could not be written then, when the supervisor is gone.
const log = createLogger({
  service: 'database',
  level: process.env.LOG_LEVEL || 'info',
  stream: process.stdout,
});
process.stdout.on('error', () => {});
const server = await serveEmbedded({ folder, port: Number(port), log });
log.info({ url: server.url }, 'started');

let stopping;
const stop = () => {
  stopping ??= server.close().then(() => process.exit(0));
};
// Without the supervisor too: the next one will want the folder.
for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(event, stop);
