// A Redis server of an experiment's own: durable as in production, killed, frozen and promoted at will.
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../lib/ports.mjs';
import { sleep } from '../lib/run.mjs';
import { Member } from './member.mjs';

const require = createRequire(import.meta.url);
const { Redis } = require('ioredis');

const DURABLE = [
  '--appendonly',
  'yes',
  '--appendfsync',
  'everysec',
  '--maxmemory-policy',
  'noeviction',
  '--save',
  '',
];

export class RedisServer {
  port;
  member;
  /** For the experiment's own commands; waits while the server is away. */
  client;

  /** `{binary, folder, name, replicaOf}`: `replicaOf` is the port of a primary. */
  static async start({ binary, folder, name, replicaOf }) {
    const server = new RedisServer();
    server.port = await freePort();
    const dir = join(folder, name);
    mkdirSync(dir);
    // A fail-over is fast only without a full copy: no delay, no disk.
    const replica = replicaOf ? ['--replicaof', '127.0.0.1', `${replicaOf}`] : [];
    const args = ['--port', `${server.port}`, '--bind', '127.0.0.1', '--dir', dir, ...DURABLE];
    server.client = new Redis(`redis://127.0.0.1:${server.port}`, {
      maxRetriesPerRequest: null,
      retryStrategy: () => 30,
      lazyConnect: true,
    });
    server.client.on('error', () => {});
    server.member = new Member({
      name,
      command: binary,
      args: [...args, '--repl-diskless-sync-delay', '0', ...replica],
      log: join(folder, `${name}.log`),
      isReady: async () => (await server.client.ping()) === 'PONG',
    });
    await server.member.start();
    if (replicaOf) await server.#untilInSync();
    return server;
  }

  async #untilInSync() {
    while (!(await this.client.info('replication')).includes('master_link_status:up')) await sleep(30);
  }

  /** Becomes the primary. */
  async promote() {
    await this.client.replicaof('NO', 'ONE');
  }

  /** Comes back as a stand-by of `port`, with that one's data. Resolves when it is in step. */
  async follow(port) {
    await this.member.start();
    await this.client.replicaof('127.0.0.1', port);
    await this.#untilInSync();
  }

  async stop() {
    this.client.disconnect();
    // Frozen or not.
    await this.member.stop('SIGKILL');
  }
}
