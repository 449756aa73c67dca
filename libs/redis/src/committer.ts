import type { Redis } from 'ioredis';
import type { Shard } from '@frontier/contracts/queue';
import { encodeSettled, type Settled } from '@frontier/contracts/request';
import { sleep } from '@frontier/kit/abort';
import { Coalescer } from '@frontier/kit/coalescer';
import type { Logger } from '@frontier/kit/logger';
import { MAIN_QUEUE, ShardKeys } from './keys.ts';
import { replicated, type Replication } from './replication.ts';
import { sendReplies } from './reply-stream.ts';
import { ShardScripts, type Argument } from './scripts.ts';
import type { TakenRequest } from './shard-consumer.ts';

interface Commit {
  request: TakenRequest;
  blob: Buffer;
  /** The commit script has taken it, in this try or an earlier one whose WAIT failed. */
  recorded?: boolean;
}

const MAX_COMMITS = 256;
/** While Redis is away; then the locks are over and the bundles run again elsewhere. */
const GIVE_UP_MS = 15_000;

/**
 * Writes the ends of requests of one shard, each exactly once.
 *
 * Order: (a) the commit script decides, under the lock and the epoch; (b) replicas have it; only then (c) is it
 * published and sent to the gateways. What is refused at (a) was ended by somebody else: nobody hears of it from here.
 */
export class Committer {
  readonly #redis: Redis;
  readonly #keys: ShardKeys;
  readonly #scripts: ShardScripts;
  readonly #replication: Replication;
  readonly #log: Logger;
  readonly #coalescer: Coalescer<Commit, boolean>;

  constructor(redis: Redis, shard: Shard, replication: Replication, log: Logger) {
    this.#redis = redis;
    this.#keys = new ShardKeys(shard);
    this.#scripts = new ShardScripts(redis, this.#keys);
    this.#replication = replication;
    this.#log = log;
    this.#coalescer = new Coalescer((commits) => this.#flush(commits), { max: MAX_COMMITS });
  }

  /** True: this is the request's end. False: it had one, or this process does not own it any more. */
  commit(request: TakenRequest, settled: Settled): Promise<boolean> {
    return this.#coalescer.submit({ request, blob: encodeSettled(settled) });
  }

  async #flush(commits: Commit[]): Promise<boolean[]> {
    const gateways = await this.#decide(commits);
    return gateways.map((waiting) => waiting !== null);
  }

  /** The gateways that wait for each commit; null where it was refused. */
  async #decide(commits: Commit[]): Promise<(string | null)[]> {
    const giveUpAt = Date.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return await (this.#replication.replicas === 0
          ? this.#commit(commits)
          : this.#commitReplicated(commits));
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
        await sleep(100);
      }
    }
  }

  async #commit(commits: Commit[], atOnce = true): Promise<(string | null)[]> {
    const args: Argument[] = [MAIN_QUEUE, atOnce ? 1 : 0];
    for (const { request, blob } of commits) {
      args.push(request.ref, request.id, request.job, request.lock, request.epoch, blob);
    }
    return (await this.#scripts.call('commit', args)) as (string | null)[];
  }

  async #commitReplicated(commits: Commit[]): Promise<(string | null)[]> {
    await replicated(this.#redis, this.#replication, async () => {
      const taken = await this.#commit(commits, false);
      commits.forEach((commit, i) => {
        commit.recorded ||= taken[i] !== null;
      });
    });
    const recorded = commits.filter((commit) => commit.recorded);
    const gateways = new Map<Commit, string>();
    (await this.#publish(recorded.map(({ request }) => request))).forEach((waiting, i) => {
      gateways.set(recorded[i] as Commit, waiting ?? '');
    });
    return commits.map((commit) => gateways.get(commit) ?? null);
  }

  /** Publishes results that a lost holder of the job committed; the claim has written them anew. */
  async republish(requests: readonly TakenRequest[]): Promise<void> {
    await replicated(this.#redis, this.#replication, () => Promise.resolve());
    await this.#publish(requests);
  }

  /** The gateways that wait for each; null where it was published before. An empty reply says: read the record. */
  async #publish(requests: readonly TakenRequest[]): Promise<(string | null)[]> {
    const refs = requests.map(({ ref }) => ref);
    const gateways =
      refs.length === 0 ? [] : ((await this.#scripts.call('publish', refs)) as (string | null)[]);
    const replies = requests.flatMap(({ id }, i) =>
      (gateways[i]?.split(',') ?? []).map((gateway) => ({ gateway, id, blob: Buffer.alloc(0) })),
    );
    // Not tried again: a reply that is lost here is found by its gateway in the record.
    await sendReplies(this.#redis, replies).catch((error: Error) => {
      this.#log.warn({ err: error.message, replies: replies.length }, 'replies were not sent');
    });
    return gateways;
  }
}
