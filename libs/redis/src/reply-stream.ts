import { sleep } from '@frontier/kit/abort';
import type { RedisClient } from './connection.ts';
import { replyStream } from './keys.ts';
import { REPLY_STREAM_MS } from './retention.ts';

/** Entries that a reply stream holds at most, about; what falls out is found by polling. `commit.lua` knows both. */
const MAX_ENTRIES = 10_000;
/** A terminal record over this size is not sent along: its gateway reads it. */
const MAX_REPLY_BYTES = 64 * 1024;
const STOP_MS = 1_000;

export interface Reply {
  gateway: string;
  id: string;
  blob: Buffer;
}

/**
 * Sends answers to their gateways: one entry a gateway, however many answers. A gateway whose stream has expired is
 * gone, and its stream is not made again.
 */
export async function sendReplies(redis: RedisClient, replies: readonly Reply[]): Promise<void> {
  const fields = new Map<string, (string | Buffer)[]>();
  for (const { gateway, id, blob } of replies) {
    const list = fields.get(gateway) ?? [];
    list.push(id, blob.length > MAX_REPLY_BYTES ? '' : blob);
    fields.set(gateway, list);
  }
  await Promise.all(
    [...fields].map(([gateway, list]) =>
      redis.xadd(replyStream(gateway), 'NOMKSTREAM', 'MAXLEN', '~', MAX_ENTRIES, '*', ...list),
    ),
  );
}

/** A gateway's end of its reply stream: reads it from where it stopped, and keeps it alive. */
export class ReplyReader {
  readonly #redis: RedisClient;
  readonly #stream: string;
  readonly #onReply: (id: string, blob: Buffer) => void;
  readonly #stop = new AbortController();
  #cursor = '0';
  #aliveAt = 0;
  #done: Promise<void> = Promise.resolve();

  /** `redis`: a connection of its own, since reading blocks it. An empty blob: read the terminal record. */
  constructor(redis: RedisClient, gateway: string, onReply: (id: string, blob: Buffer) => void) {
    this.#redis = redis;
    this.#stream = replyStream(gateway);
    this.#onReply = onReply;
  }

  /** Resolves when the stream exists, so that no answer is sent before it does. */
  async start(): Promise<void> {
    await this.#keepAlive();
    this.#done = this.#read();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#redis.disconnect();
    // A read that waits for a connection that is just being made again hears nothing of the disconnect.
    await Promise.race([this.#done, sleep(STOP_MS)]);
  }

  async #read(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#keepAlive();
        const reply = await this.#redis.xreadBuffer(
          'COUNT',
          256,
          'BLOCK',
          5_000,
          'STREAMS',
          this.#stream,
          this.#cursor,
        );
        for (const [entry, fields] of entriesOf(reply)) {
          for (let i = 0; i + 1 < fields.length; i += 2) {
            this.#onReply((fields[i] as Buffer).toString(), fields[i + 1] as Buffer);
          }
          this.#cursor = entry.toString();
        }
      } catch {
        // The connection's handler logs it; answers that come meanwhile wait in the stream.
        await sleep(100, this.#stop.signal).catch(() => undefined);
      }
    }
  }

  async #keepAlive(): Promise<void> {
    const now = Date.now();
    if (now - this.#aliveAt < REPLY_STREAM_MS / 10) return;
    if ((await this.#redis.pexpire(this.#stream, REPLY_STREAM_MS)) === 0) {
      // Made with an entry that says nothing: the first time, and after Redis has lost or expired it.
      await this.#redis.xadd(this.#stream, '*', '', '');
      await this.#redis.pexpire(this.#stream, REPLY_STREAM_MS);
      this.#cursor = '0';
    }
    this.#aliveAt = now;
  }
}

function entriesOf(reply: unknown): [Buffer, Buffer[]][] {
  const streams = reply as [Buffer, [Buffer, Buffer[]][]][] | null;
  return streams?.[0]?.[1] ?? [];
}
