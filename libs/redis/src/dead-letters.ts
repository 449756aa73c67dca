import { createHash } from 'node:crypto';
import { Queue } from 'bullmq';
import { FAILURE_KINDS, type DeadLetter, type FailureKind } from '@frontier/contracts/dead-letter';
import { AppError } from '@frontier/contracts/errors';
import { locOf, type Shard } from '@frontier/contracts/queue';
import type { Logger } from '@frontier/kit/logger';
import { INLINE_BYTES } from './bundle.ts';
import type { RedisClient } from './connection.ts';
import { encodeLetter, parseLetter } from './dead-letter-form.ts';
import { DEAD_QUEUE, refOf, ShardKeys } from './keys.ts';
import { DEAD_LETTER_MS } from './retention.ts';
import { ShardScripts } from './scripts.ts';

export interface DeadLettersOptions {
  /** The connection that also writes the ends of requests: a `WAIT` for an end then vouches for its letter, too. */
  redis: RedisClient;
  shard: Shard;
  log: Logger;
  /** Letters at most; beyond it the oldest goes. */
  maxCount?: number;
  /** Bytes of payloads at most; beyond it letters are kept without theirs. */
  maxPayloadBytes?: number;
}

export interface LetterFilter {
  kind?: FailureKind | undefined;
  model?: string | undefined;
  tenant?: string | undefined;
  /** Unix ms: only what died before it. */
  before?: number | undefined;
  /** Unix ms: only what died then or later. */
  after?: number | undefined;
}

export interface LetterPage {
  letters: DeadLetter[];
  /** Where the next page begins; undefined: there is none. */
  cursor: string | undefined;
}

const MiB = 1024 * 1024;
/** Letters that one step reads or removes. */
const STEP = 100;
/** BullMQ orders its prioritized jobs by priority × 2^32 + a counter. */
const PRIORITY_STEP = 2 ** 32;

/**
 * The dead letters of one shard: jobs of a BullMQ queue that nobody processes, ordered by kind of failure, then age.
 *
 * Redis evicts nothing, so both their number and the bytes of their payloads are bounded. A letter is a job
 * `d-<inference id>`; beside it a script counts it (`letters`, `letter-bytes`). The count is written first and removed
 * last: a crash in between leaves a count without a letter, which `expire` removes.
 */
export class DeadLetters {
  readonly shard: Shard;
  readonly #options: Required<DeadLettersOptions>;
  readonly #keys: ShardKeys;
  readonly #scripts: ShardScripts;
  readonly #queue: Queue;

  constructor(options: DeadLettersOptions) {
    this.#options = { maxCount: 10_000, maxPayloadBytes: 64 * MiB, ...options };
    this.shard = options.shard;
    this.#keys = new ShardKeys(options.shard);
    this.#scripts = new ShardScripts(options.redis, this.#keys);
    this.#queue = new Queue(DEAD_QUEUE, {
      connection: options.redis,
      prefix: this.#keys.prefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    this.#queue.on('error', () => undefined); // the connection's own handler logs it
  }

  /** Stores a letter; one that is there already stays as it is. An empty payload: there is none. */
  async add(letter: DeadLetter, payload: Uint8Array): Promise<void> {
    const { maxCount, maxPayloadBytes, log } = this.#options;
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const inline = bytes.length <= INLINE_BYTES;
    const reply = await this.#scripts.call('letter-keep', [
      refOf(letter.tenant, letter.id),
      bytes.length,
      maxPayloadBytes,
      inline ? '' : bytes,
      DEAD_LETTER_MS,
    ]);
    const [kept, count] = reply as [0 | 1, number];
    if (!kept && bytes.length > 0)
      log.warn({ id: letter.id, bytes: bytes.length }, 'no room for the payload of a dead letter');
    const { request, withoutPayload: _was, ...rest } = letter;
    const data = encodeLetter({
      ...rest,
      request: { ...request, inline: kept && inline ? bytes.toString('base64') : undefined },
      ...(!kept && { withoutPayload: true }),
    });
    await this.#queue.add(letter.kind, data, { jobId: jobOf(letter.id), priority: priorityOf(letter.kind) });
    if (count > maxCount) await this.trim();
  }

  async has(id: string): Promise<boolean> {
    return (await this.#options.redis.exists(this.#jobKey(jobOf(id)))) === 1;
  }

  get(id: string): Promise<DeadLetter | undefined> {
    return this.#read(jobOf(id));
  }

  /** In the form of `encodeTensors`; undefined where it was not kept. */
  async payload(letter: DeadLetter): Promise<Uint8Array | undefined> {
    if (letter.withoutPayload) return undefined;
    const { inline } = letter.request;
    if (inline !== undefined) return Buffer.from(inline, 'base64');
    const key = this.#keys.letterPayloadPrefix + refOf(letter.tenant, letter.id);
    return (await this.#options.redis.getBuffer(key)) ?? undefined;
  }

  /** Letters that match, by kind of failure and then oldest first. Throws INVALID_INPUT for a wrong cursor. */
  async list({
    limit,
    cursor,
    ...filter
  }: LetterFilter & { limit: number; cursor?: string | undefined }): Promise<LetterPage> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
      throw new AppError('INVALID_INPUT', 'not a cursor of a list of dead letters', { details: { cursor } });
    const [from, to] = scoresOf(filter.kind);
    let last = Math.max(from, Number(cursor ?? 0));
    const letters: DeadLetter[] = [];
    for (;;) {
      const page = await this.#page(last, to);
      for (const { letter, score } of page) {
        last = score;
        if (letter && matches(letter, filter)) letters.push(letter);
        if (letters.length >= limit) return { letters, cursor: String(last) };
      }
      if (page.length < STEP) return { letters, cursor: undefined };
    }
  }

  /** False: there is none of this id. */
  async remove(id: string): Promise<boolean> {
    const letter = await this.get(id);
    if (letter) await this.#drop([refOf(letter.tenant, letter.id)]);
    return letter !== undefined;
  }

  size(): Promise<number> {
    return this.#options.redis.zcard(this.#prioritized);
  }

  /** Removes what was added `olderThanMs` ago or earlier; how many these were. */
  async expire(olderThanMs = DEAD_LETTER_MS): Promise<number> {
    const until = Date.now() - olderThanMs;
    const { redis } = this.#options;
    let count = 0;
    for (;;) {
      const refs = await redis.zrange(this.#keys.letters, '-inf', String(until), 'BYSCORE', 'LIMIT', 0, STEP);
      if (refs.length === 0) return count;
      await this.#drop(refs);
      count += refs.length;
    }
  }

  /** Removes the oldest while there are too many. */
  async trim(): Promise<void> {
    const { redis, maxCount, log, shard } = this.#options;
    for (;;) {
      const excess = (await redis.zcard(this.#keys.letters)) - maxCount;
      if (excess <= 0) return;
      const refs = await redis.zrange(this.#keys.letters, '0', String(Math.min(excess, STEP) - 1));
      await this.#drop(refs);
      log.warn({ shard: locOf(shard), count: refs.length }, 'too many dead letters: the oldest are gone');
    }
  }

  /**
   * The id under which a letter runs again: `id`, or that of an earlier caller, for as long as the letter exists.
   * `gone`: it has run again, or was purged. `live`: its request still is with a dispatcher.
   */
  async claim(letter: DeadLetter, id: string): Promise<string> {
    const ref = refOf(letter.tenant, letter.id);
    return (await this.#scripts.call('letter-claim', [ref, jobOf(letter.id), id])) as string;
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #drop(refs: string[]): Promise<void> {
    await Promise.all(refs.map((ref) => this.#queue.remove(jobOf(ref.slice(ref.indexOf(':') + 1)))));
    await this.#scripts.call('letter-drop', refs);
  }

  async #page(after: number, before: number): Promise<{ score: number; letter: DeadLetter | undefined }[]> {
    const found = await this.#options.redis.zrange(
      this.#prioritized,
      `(${after}`,
      `(${before}`,
      'BYSCORE',
      'LIMIT',
      0,
      STEP,
      'WITHSCORES',
    );
    const letters = await Promise.all(found.filter((_, i) => i % 2 === 0).map((job) => this.#read(job)));
    return letters.map((letter, i) => ({ letter, score: Number(found[2 * i + 1]) }));
  }

  async #read(job: string): Promise<DeadLetter | undefined> {
    const data = await this.#options.redis.hget(this.#jobKey(job), 'data');
    return parseLetter(data);
  }

  get #prioritized(): string {
    return `${this.#keys.prefix}:${DEAD_QUEUE}:prioritized`;
  }

  #jobKey(job: string): string {
    return `${this.#keys.prefix}:${DEAD_QUEUE}:${job}`;
  }
}

/** Of an unreadable job the id may be anything; BullMQ takes no colon, and nobody takes a key of a megabyte. */
function jobOf(id: string): string {
  return /^[\w.-]{1,128}$/.test(id) ? `d-${id}` : `d-${createHash('sha256').update(id).digest('base64url')}`;
}

function priorityOf(kind: FailureKind): number {
  return FAILURE_KINDS.indexOf(kind) + 1;
}

/** The scores between which the letters of a kind lie, or all of them. */
function scoresOf(kind: FailureKind | undefined): [after: number, before: number] {
  const [first, last] = kind ? [priorityOf(kind), priorityOf(kind)] : [1, FAILURE_KINDS.length];
  return [first * PRIORITY_STEP - 1, (last + 1) * PRIORITY_STEP];
}

function matches(letter: DeadLetter, { model, tenant, before, after }: LetterFilter): boolean {
  return (
    (model === undefined || letter.model === model) &&
    (tenant === undefined || letter.tenant === tenant) &&
    (before === undefined || letter.diedAt < before) &&
    (after === undefined || letter.diedAt >= after)
  );
}
