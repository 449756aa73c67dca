import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { PGlite } from '@electric-sql/pglite';
import type { Logger } from '@frontier/kit/logger';
import { createEmbedded } from './embedded.ts';
import { Turns } from './turns.ts';
import { FrameReader } from './wire.ts';

export interface EmbeddedServer {
  /** For `openStores`, of any number of processes on this machine. */
  url: string;
  close(): Promise<void>;
}

export interface EmbeddedServerOptions {
  /** Where the data lies, for this process alone; in memory without it. */
  folder?: string | undefined;
  /** 0: a free one. */
  port?: number;
  log: Logger;
}

const HOST = '127.0.0.1';
const MAX_CONNECTIONS = 64;
/** A client that says nothing in a transaction, while all others wait for it, is cut off. */
const IDLE_IN_TRANSACTION_MS = 10_000;

const NO_ENCRYPTION = 'N';

/**
 * The embedded database behind PostgreSQL's protocol, for the processes of one machine. It is a single session, so
 * clients take turns: for one round of messages, or for a whole transaction. What a session keeps beyond that
 * (`set`, prepared statements with a name, session locks) they would share: no store of this package uses it.
 */
export async function serveEmbedded({
  folder,
  port = 0,
  log,
}: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const db = createEmbedded(folder);
  await db.waitReady;
  const turns = new Turns();
  const sockets = new Set<Socket>();
  const clients = new Set<Promise<void>>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const client = serve(db, turns, socket)
      .catch((error: unknown) => log.warn({ err: error }, 'a client of the database was cut off'))
      .finally(() => {
        sockets.delete(socket);
        clients.delete(client);
      });
    clients.add(client);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await once(server.listen(port, HOST), 'listening');
  return {
    url: `postgres://postgres@${HOST}:${(server.address() as AddressInfo).port}/postgres`,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(clients);
      await db.close();
    },
  };
}

async function serve(db: PGlite, turns: Turns, socket: Socket): Promise<void> {
  const frames = new FrameReader();
  socket.setNoDelay(true);
  socket.on('timeout', () => socket.destroy(new Error('silent in a transaction')));
  try {
    for await (const chunk of socket) {
      for (const frame of frames.read(chunk as Buffer)) {
        if (frame.kind === 'end') return;
        if (frame.kind === 'encryption') socket.write(NO_ENCRYPTION);
        else await answer(db, turns, socket, frame.bytes);
      }
    }
  } finally {
    socket.destroy();
    await leave(db, turns, socket);
  }
}

async function answer(db: PGlite, turns: Turns, socket: Socket, round: Buffer): Promise<void> {
  socket.setTimeout(0);
  await turns.take(socket);
  // It may have left while it waited.
  if (socket.destroyed) return;
  socket.write(await db.execProtocolRaw(round));
  if (db.isInTransaction()) socket.setTimeout(IDLE_IN_TRANSACTION_MS);
  else turns.giveBack(socket);
}

async function leave(db: PGlite, turns: Turns, socket: Socket): Promise<void> {
  if (!turns.holds(socket)) return;
  try {
    if (db.isInTransaction()) await db.exec('rollback');
  } finally {
    turns.giveBack(socket);
  }
}
