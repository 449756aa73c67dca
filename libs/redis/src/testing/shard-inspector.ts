import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { DeadLetter } from '@frontier/contracts/dead-letter';
import type { Shard } from '@frontier/contracts/queue';
import { createLogger } from '@frontier/kit/logger';
import { DeadLetters } from '../dead-letters.ts';
import { ShardKeys } from '../keys.ts';

const log = createLogger({ service: 'test', level: 'silent' });

/** Looks into a shard from outside, and puts things there that nobody should. */
export class ShardInspector {
  readonly #redis: Redis;
  readonly #shard: Shard;
  readonly #keys: ShardKeys;

  constructor(url: string, shard: Shard) {
    this.#redis = new Redis(url, { maxRetriesPerRequest: null });
    this.#shard = shard;
    this.#keys = new ShardKeys(shard);
  }

  close(): void {
    this.#redis.disconnect();
  }

  letter(id: string): Promise<DeadLetter | undefined> {
    return new DeadLetters({ redis: this.#redis, shard: this.#shard, log }).get(id);
  }

  /** A field of one of the shard's hashes. */
  field(hash: 'held' | 'tenants', field: string): Promise<string | null> {
    return this.#redis.hget(this.#keys[hash], field);
  }

  /** A job of the main queue, made by hand. */
  async addJob(jobId: string, data: unknown): Promise<void> {
    await this.#queue.add('by hand', data, { jobId });
  }

  jobState(jobId: string): Promise<string> {
    return this.#queue.getJobState(jobId);
  }

  /** Bundles of the main queue that nobody has taken. */
  waiting(): Promise<number> {
    return this.#queue.getWaitingCount();
  }

  get #queue(): Queue {
    return new Queue('main', { connection: this.#redis, prefix: this.#keys.prefix });
  }
}
