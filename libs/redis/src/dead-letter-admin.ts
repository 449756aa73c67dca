import { Registry } from 'prom-client';
import { FAILURE_KINDS, type DeadLetter } from '@frontier/contracts/dead-letter';
import { locOf, PRIORITIES, shardOfId, type Pool, type QueuePolicies, type Shard } from '@frontier/contracts/queue'; // prettier-ignore
import type { Logger } from '@frontier/kit/logger';
import { connect, disconnect, whenReady, type RedisClient } from './connection.ts';
import { DeadLetters, type LetterFilter } from './dead-letters.ts';
import { queueMetrics } from './metrics.ts';
import { Redriver } from './redrive.ts';
import type { Replication } from './replication.ts';
import { ShardProducers } from './shard-producers.ts';

export interface DeadLetterAdminOptions {
  redisUrl: string;
  pools: readonly Pool[];
  /** Of each (priority, pool). */
  shards: number;
  policies: QueuePolicies;
  replication: Replication;
  keptBytes: number;
  log: Logger;
}

interface Side {
  letters: DeadLetters;
  redriver: Redriver;
}

const READY_MS = 5_000;
/** Letters that lie in memory at once, over all shards; and of one shard at most. */
const HELD = 1_000;
const MAX_PAGE = 50;

/** The dead letters of all shards, for a person. */
export class DeadLetterAdmin {
  readonly #options: DeadLetterAdminOptions;
  readonly #redis: RedisClient;
  readonly #producers: ShardProducers;
  readonly #shards: Shard[];
  readonly #sides = new Map<string, Side>();

  constructor(options: DeadLetterAdminOptions) {
    const { redisUrl: url, log, pools, ...producing } = options;
    this.#options = options;
    this.#redis = connect({ url, name: 'dead-letters', log });
    this.#producers = new ShardProducers({
      ...producing,
      redis: this.#redis,
      gateway: '',
      metrics: queueMetrics(new Registry()),
    });
    const indices = Array.from({ length: options.shards }, (_, index) => index);
    this.#shards = PRIORITIES.flatMap((priority) =>
      pools.flatMap((pool) => indices.map((index) => ({ priority, pool, index }))),
    );
  }

  async start(): Promise<void> {
    await whenReady(this.#redis, READY_MS);
    await this.#producers.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sides.values()].map(({ letters }) => letters.close()));
    await this.#producers.stop();
    await disconnect(this.#redis);
  }

  async find(id: string): Promise<DeadLetter | undefined> {
    const shard = shardOfId(id);
    // The id of an unreadable job does not say where it lay.
    for (const one of shard ? [shard] : this.#shards) {
      const letter = await this.#side(one).letters.get(id);
      if (letter) return letter;
    }
    return undefined;
  }

  /** Those that match: by kind of failure, then oldest first, whatever their shard. They may be removed meanwhile. */
  async *all(filter: LetterFilter): AsyncGenerator<DeadLetter> {
    for (const kind of filter.kind ? [filter.kind] : FAILURE_KINDS) {
      const heads: { rest: AsyncGenerator<DeadLetter>; letter: DeadLetter }[] = [];
      const advance = async (rest: AsyncGenerator<DeadLetter>) => {
        const next = await rest.next();
        if (!next.done) heads.push({ rest, letter: next.value });
      };
      for (const shard of this.#shards) await advance(this.#ofShard(shard, { ...filter, kind }));
      while (heads.length > 0) {
        const oldest = heads.reduce((a, b) => (b.letter.diedAt < a.letter.diedAt ? b : a));
        heads.splice(heads.indexOf(oldest), 1);
        yield oldest.letter;
        await advance(oldest.rest);
      }
    }
  }

  /** As `Redriver.redrive`. */
  redrive(letter: DeadLetter, timeoutMs: number | undefined): Promise<string> {
    return this.#side(letter.shard).redriver.redrive(letter, timeoutMs);
  }

  /** False: it was gone already. */
  remove(letter: DeadLetter): Promise<boolean> {
    return this.#side(letter.shard).letters.remove(letter.id);
  }

  /** Bytes of its payload; undefined where it was not kept. */
  async payloadBytes(letter: DeadLetter): Promise<number | undefined> {
    return (await this.#side(letter.shard).letters.payload(letter))?.length;
  }

  async *#ofShard(shard: Shard, filter: LetterFilter): AsyncGenerator<DeadLetter> {
    const limit = Math.max(1, Math.min(MAX_PAGE, Math.floor(HELD / this.#shards.length)));
    let cursor: string | undefined;
    do {
      const page = await this.#side(shard).letters.list({ ...filter, limit, cursor });
      yield* page.letters;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  #side(shard: Shard): Side {
    const loc = locOf(shard);
    let side = this.#sides.get(loc);
    if (!side) {
      const redis = this.#redis;
      const letters = new DeadLetters({ redis, shard, log: this.#options.log });
      side = { letters, redriver: new Redriver({ redis, letters, producers: this.#producers }) };
      this.#sides.set(loc, side);
    }
    return side;
  }
}
