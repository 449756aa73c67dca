import { v7 as uuidv7 } from 'uuid';
import type { DeadLetter } from '@frontier/contracts/dead-letter';
import { AppError } from '@frontier/contracts/errors';
import { inferenceId, locOf } from '@frontier/contracts/queue';
import type { NewRequest } from '@frontier/contracts/request';
import { sleep } from '@frontier/kit/abort';
import type { Logger } from '@frontier/kit/logger';
import type { RedisClient } from './connection.ts';
import type { DeadLetters } from './dead-letters.ts';
import { refOf, ShardKeys } from './keys.ts';
import { reasonOf } from './refusal.ts';
import type { ShardProducers } from './shard-producers.ts';
import { ShardStore } from './shard-store.ts';

/** As a job's, when nobody says otherwise. */
const TIMEOUT_MS = 15 * 60_000;
/** Of the schedule: at most one run in this time, whoever tries. */
const EVERY_MS = 3_600_000;
const MAX_REDRIVES = 5;
const MAX_A_RUN = 500;
/** At most 20 a second: they are spread over the batches of others. */
const PACE_MS = 50;
/** The schedule leaves the rest of the queue to those who wait for an answer. */
const ROOM = 0.25;
const PAGE = 50;

export interface RedriverOptions {
  redis: RedisClient;
  letters: DeadLetters;
  /** For nobody (gateway ''): who wants the result polls the new id. */
  producers: Pick<ShardProducers, 'checkMemory'> & { submit(request: NewRequest): Promise<unknown> };
}

/** Runs dead letters of one shard again, each as a new request. */
export class Redriver {
  readonly #options: RedriverOptions;
  readonly #store: ShardStore;

  constructor(options: RedriverOptions) {
    this.#options = options;
    this.#store = new ShardStore(options.redis, options.letters.shard);
  }

  /**
   * The id under which the letter's request runs again: a job with all of its attempts and `timeoutMs` from now.
   *
   * Exactly once, however many try, and whenever they are lost: the first of them writes the id into the letter,
   * admission takes an id once, and only then the letter goes.
   *
   * Throws NOT_FOUND (it was redriven or purged), CONFLICT (it cannot be: `details.reason` says why), and with what
   * admission refuses; then the letter stays.
   */
  async redrive(letter: DeadLetter, timeoutMs = TIMEOUT_MS): Promise<string> {
    const { letters, producers } = this.#options;
    const payload = letter.kind === 'unreadable' ? undefined : await letters.payload(letter);
    if (!payload) throw cannot(letter, 'no_payload', 'its payload was not kept');
    const fresh = inferenceId(uuidv7(), letters.shard);
    producers.checkMemory(requestOf(letter, fresh, payload, timeoutMs));
    const id = await letters.claim(letter, fresh);
    if (id === 'gone') throw new AppError('NOT_FOUND', `no dead letter ${letter.id}`);
    if (id === 'live') throw cannot(letter, 'live', 'its request has not ended yet');
    // Left by a dispatcher that was lost before it could end the request: another one has answered it.
    const end = await this.#store.terminal(refOf(letter.tenant, letter.id));
    if (end?.outcome.status === 'completed' || end?.outcome.status === 'cancelled') {
      await letters.remove(letter.id);
      throw cannot(letter, 'answered', `its request is ${end.outcome.status}`);
    }
    await producers.submit(requestOf(letter, id, payload, timeoutMs));
    await letters.remove(letter.id);
    return id;
  }
}

function requestOf(letter: DeadLetter, id: string, payload: Uint8Array, timeoutMs: number): NewRequest {
  const { tenant, model, version, shard, request } = letter;
  return {
    id,
    tenant,
    model,
    version,
    timeoutMs,
    payload,
    priority: shard.priority,
    pool: shard.pool,
    mode: 'job',
    params: request.params,
    // Makes admission idempotent. No caller's: theirs have no blank.
    idempotency: { key: `redrive ${letter.id}`, bodyHash: '' },
    redriveOf: letter.id,
    redrives: (request.redrives ?? 0) + 1,
  };
}

function cannot(letter: DeadLetter, reason: string, why: string): AppError {
  return new AppError('CONFLICT', `${letter.id} cannot be redriven: ${why}`, { details: { reason } });
}

/** Which other letters would be refused as well. */
function whoseFault(error: AppError): 'letter' | 'tenant' | 'model' | 'queue' {
  if (['NOT_FOUND', 'CONFLICT', 'PAYLOAD_TOO_LARGE'].includes(error.code)) return 'letter';
  switch (reasonOf(error)) {
    case 'large':
      return 'letter';
    case 'tenant':
    case 'kept':
      return 'tenant';
    case 'unserved':
      return 'model';
    default:
      return 'queue';
  }
}

export interface RedriveScheduleOptions {
  redis: RedisClient;
  letters: DeadLetters;
  redriver: Redriver;
  /** Requests outstanding in the shard at most: its part of the queue's. */
  bound: number;
  log: Logger;
  /** Ends a run early. */
  signal: AbortSignal;
}

/**
 * Each hour: forgets old letters of a shard and redrives those whose cause may have passed, each at most five times in
 * a row. All dispatchers run it; a key that lives for an hour lets one of them do it.
 */
export class RedriveSchedule {
  readonly #options: RedriveScheduleOptions;
  readonly #keys: ShardKeys;

  constructor(options: RedriveScheduleOptions) {
    this.#options = options;
    this.#keys = new ShardKeys(options.letters.shard);
  }

  /** To be called as often as one likes. Never rejects: what fails is tried in the next hour. */
  async run(): Promise<void> {
    const { redis, letters, log, signal } = this.#options;
    const shard = locOf(letters.shard);
    try {
      if ((await redis.set(this.#keys.redriving, '1', 'PX', EVERY_MS, 'NX')) !== 'OK') return;
      const expired = await letters.expire();
      const redriven = await this.#redriveAll();
      if (expired + redriven > 0) log.info({ shard, redriven, expired }, 'went through the dead letters');
    } catch (error) {
      if (!signal.aborted) log.warn({ shard, err: error }, 'could not go through all dead letters');
    }
  }

  /** How many. Ends when the queue takes no more. */
  async #redriveAll(): Promise<number> {
    const { letters, redriver, log, signal } = this.#options;
    // What fails again meanwhile waits for the next hour.
    const filter = { kind: 'transient', before: Date.now(), limit: PAGE } as const;
    const barred = new Set<string>();
    let cursor: string | undefined;
    let count = 0;
    do {
      const page = await letters.list({ ...filter, cursor });
      cursor = page.cursor;
      for (const letter of page.letters) {
        const { tenant, request } = letter;
        const model = `${letter.model}@${letter.version}`;
        if (letter.withoutPayload || (request.redrives ?? 0) >= MAX_REDRIVES) continue;
        if (barred.has(tenant) || barred.has(model)) continue;
        if (count >= MAX_A_RUN || !(await this.#hasRoom())) return count;
        try {
          await redriver.redrive(letter);
          count += 1;
        } catch (error) {
          const refused = AppError.from(error);
          log.debug({ id: letter.id, err: refused }, 'not redriven');
          const whose = whoseFault(refused);
          if (whose === 'tenant') barred.add(tenant);
          else if (whose === 'model') barred.add(model);
          else if (whose !== 'letter') return count;
        }
        if (!(await sleep(PACE_MS, signal))) return count;
      }
    } while (cursor !== undefined);
    return count;
  }

  async #hasRoom(): Promise<boolean> {
    const { redis, bound } = this.#options;
    const [outstanding, parked] = await Promise.all([
      redis.zcard(this.#keys.outstanding),
      redis.hget(this.#keys.held, '*'),
    ]);
    return outstanding - Number(parked ?? 0) < bound * ROOM;
  }
}
