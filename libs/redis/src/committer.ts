import type { Shard } from '@frontier/contracts/queue';
import { encodeSettled, type Settled } from '@frontier/contracts/request';
import { Coalescer } from '@frontier/kit/coalescer';
import { failpoint } from '@frontier/kit/failpoint';
import type { Logger } from '@frontier/kit/logger';
import { isCluster, type RedisClient } from './connection.ts';
import { ShardKeys } from './keys.ts';
import { persistently } from './persistently.ts';
import { replicated, type Replication } from './replication.ts';
import { sendReplies } from './reply-stream.ts';
import { ShardScripts, type Argument } from './scripts.ts';
import type { TakenRequest } from './taken.ts';

interface Commit {
  request: TakenRequest;
  blob: Buffer;
}

const MAX_COMMITS = 256;

/**
 * Writes the ends of requests of one shard, each exactly once.
 *
 * Order: (a) the commit script decides, under the lock and the epoch; (b) replicas have it; only then (c) is it
 * published and sent to the gateways. What is refused at (a) was ended by somebody else: nobody hears of it from here.
 */
export class Committer {
  readonly #redis: RedisClient;
  readonly #keys: ShardKeys;
  readonly #scripts: ShardScripts;
  readonly #replication: Replication;
  readonly #log: Logger;
  readonly #coalescer: Coalescer<Commit, boolean>;

  constructor(redis: RedisClient, shard: Shard, replication: Replication, log: Logger) {
    this.#redis = redis;
    this.#keys = new ShardKeys(shard);
    this.#scripts = new ShardScripts(redis, this.#keys);
    this.#replication = replication;
    this.#log = log;
    this.#coalescer = new Coalescer((commits) => this.#flush(commits), { max: MAX_COMMITS });
  }

  /** True: this is the request's end. False: it had one, or this process does not own it any more. */
  commit(request: TakenRequest, settled: Settled): Promise<boolean> {
    return this.#coalescer.submit({ request, blob: encodeSettled(withFailures(request, settled)) });
  }

  async #flush(commits: Commit[]): Promise<boolean[]> {
    await failpoint('dispatcher.commit.before', commits[0]?.request.id);
    const taken = await (this.#replication.replicas === 0
      ? persistently(() => this.#commitAtOnce(commits))
      : this.#commitReplicated(commits));
    await failpoint('dispatcher.commit.after', commits[0]?.request.id);
    return taken;
  }

  /** The gateways that wait for each commit; null where it was refused. */
  async #decide(commits: Commit[], how: 'record' | 'publish' | 'reply'): Promise<(string | null)[]> {
    const args: Argument[] = [how];
    for (const { request, blob } of commits) {
      args.push(request.ref, request.id, request.owner, request.lock, request.epoch, blob);
    }
    return (await this.#scripts.call('commit', args)) as (string | null)[];
  }

  async #commitAtOnce(commits: Commit[]): Promise<boolean[]> {
    // In a Cluster the reply streams lie on other servers than the shard.
    const apart = isCluster(this.#redis);
    const gateways = await this.#decide(commits, apart ? 'publish' : 'reply');
    if (apart) await this.#reply(commits.map(({ request, blob }, i) => ({ id: request.id, blob, gateways: gateways[i] }))); // prettier-ignore
    return gateways.map((waiting) => waiting !== null);
  }

  async #commitReplicated(commits: Commit[]): Promise<boolean[]> {
    // Of several tries the last one counts: a fail-over may have lost what an earlier one wrote.
    const gateways = await persistently(() => this.#replicated(() => this.#decide(commits, 'record')));
    const taken = gateways.map((waiting) => waiting !== null);
    await failpoint('dispatcher.publish.before', commits[0]?.request.id);
    const requests = commits.filter((_, i) => taken[i]).map(({ request }) => request);
    await persistently(() => this.#publish(requests));
    return taken;
  }

  /** Publishes results that a lost holder of the job committed. */
  async republish(requests: readonly TakenRequest[]): Promise<void> {
    await persistently(async () => {
      await this.#replicated(() => Promise.resolve());
      await this.#publish(requests);
    });
  }

  #replicated<T>(writes: () => Promise<T>): Promise<T> {
    return replicated(this.#redis, this.#replication, this.#keys.settled, writes);
  }

  async #publish(requests: readonly TakenRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const refs = requests.map(({ ref }) => ref);
    const gateways = (await this.#scripts.call('publish', refs)) as (string | null)[];
    await failpoint('dispatcher.publish.after', requests[0]?.id);
    // An empty reply says: read the record.
    await this.#reply(requests.map(({ id }, i) => ({ id, blob: Buffer.alloc(0), gateways: gateways[i] })));
  }

  /** Not tried again: a reply that is lost here is found by its gateway in the record. */
  async #reply(
    ends: readonly { id: string; blob: Buffer; gateways: string | null | undefined }[],
  ): Promise<void> {
    await failpoint('dispatcher.reply.before', ends[0]?.id);
    const replies = ends.flatMap(({ id, blob, gateways }) =>
      (gateways ?? '').split(',').flatMap((gateway) => (gateway === '' ? [] : [{ gateway, id, blob }])),
    );
    await sendReplies(this.#redis, replies).catch((error: Error) => {
      this.#log.warn({ err: error.message, replies: replies.length }, 'replies were not sent');
    });
    await failpoint('dispatcher.reply.after', ends[0]?.id);
  }
}

/** A rollout counts what succeeded only at a later try. */
function withFailures({ failures = [] }: TakenRequest, settled: Settled): Settled {
  if (failures.length === 0) return settled;
  return { ...settled, outcome: { ...settled.outcome, failures: failures.length } };
}
