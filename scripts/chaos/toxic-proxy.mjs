// A TCP proxy on loopback that spoils connections: each fault is one method or one field, and may change at any time.
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export class ToxicProxy {
  /** Milliseconds before what a side has sent goes on to the other, and by how much more that may vary. */
  latencyMs = 0;
  jitterMs = 0;
  /** Bytes a second of each direction of each connection; 0: as fast as it goes. */
  bandwidth = 0;
  /** Pieces of at most this many bytes, each written by itself; 0: as they come. */
  sliceBytes = 0;
  /** A connection is reset when it has carried this many bytes; 0: never. */
  limitBytes = 0;
  /** Nothing passes in either direction, and nobody is told. */
  halfOpen = false;
  /** New connections are refused. */
  refuse = false;
  port = 0;
  /** Connections that `killAll` and `resetAll` have cut. */
  cut = 0;
  #target;
  #server;
  #pairs = new Set();

  /** `target`: a port on loopback. */
  constructor(target) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#accept(client));
  }

  async start() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = this.#server.address().port;
  }

  get connections() {
    return this.#pairs.size;
  }

  /** Where new connections go from now on: a fail-over. Old ones stay until they are killed. */
  retarget(port) {
    this.#target = port;
  }

  /** Ends all connections as a peer would that closes (FIN). */
  killAll() {
    this.#cutAll((socket) => socket.destroy());
  }

  /** Ends all connections as a peer would that has lost its state (RST). */
  resetAll() {
    this.#cutAll((socket) => socket.resetAndDestroy());
  }

  /** All faults are over; connections that were cut stay cut. */
  heal() {
    this.latencyMs = 0;
    this.jitterMs = 0;
    this.bandwidth = 0;
    this.sliceBytes = 0;
    this.limitBytes = 0;
    this.halfOpen = false;
    this.refuse = false;
  }

  async stop() {
    this.killAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #cutAll(end) {
    this.cut += this.#pairs.size;
    for (const pair of this.#pairs) for (const socket of pair) end(socket);
  }

  #accept(client) {
    if (this.refuse) return client.resetAndDestroy();
    const server = createConnection({ port: this.#target, host: '127.0.0.1' });
    const pair = [client, server];
    this.#pairs.add(pair);
    const close = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', close).on('close', close);
    }
    const carried = { bytes: 0 };
    void this.#pump(client, server, carried);
    void this.#pump(server, client, carried);
  }

  /** One direction. Its pieces keep their order; a piece waits for the one before it to be written. */
  async #pump(from, to, carried) {
    try {
      for await (const chunk of from) {
        for (const piece of this.#pieces(chunk)) {
          await this.#hold(piece.length);
          carried.bytes += piece.length;
          if (this.limitBytes > 0 && carried.bytes > this.limitBytes) return from.resetAndDestroy();
          if (to.destroyed) return;
          if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        }
      }
      to.end();
    } catch {
      to.destroy();
    }
  }

  #pieces(chunk) {
    if (this.sliceBytes === 0) return [chunk];
    const count = Math.ceil(chunk.length / this.sliceBytes);
    return Array.from({ length: count }, (_, i) =>
      chunk.subarray(i * this.sliceBytes, (i + 1) * this.sliceBytes),
    );
  }

  async #hold(bytes) {
    if (this.latencyMs > 0) await delay(this.latencyMs + Math.random() * this.jitterMs);
    if (this.bandwidth > 0) await delay((bytes * 1000) / this.bandwidth);
    while (this.halfOpen) await delay(20);
  }
}
