import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join, relative } from 'node:path';
import { cache, Problem } from './run.mjs';

/** One supervisor a checkout: two would share a data folder. Whoever listens on the socket holds the lock. */
export async function lock() {
  mkdirSync(cache, { recursive: true });
  // Relative: the path of a socket may have about 100 characters only.
  const path = relative(process.cwd(), join(cache, 'start.sock'));
  const socket = createConnection(path);
  const held = await new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  if (held) throw new Problem('Frontier is already running from this folder. Stop it there (Ctrl-C) first.');
  rmSync(path, { force: true });
  const server = createServer((client) => client.destroy()).listen(path);
  await once(server, 'listening');
  server.unref();
}
