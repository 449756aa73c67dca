import { createHash } from 'node:crypto';
import { locOf, type Shard } from '@frontier/contracts/queue';

/**
 * Every name that Frontier gives to something in Redis.
 *
 * All keys of a shard carry its hash tag, so one script may touch them in a Redis Cluster. `ref` is `<tenant>:<id>`:
 * the tenant is part of every key, and a caller of another tenant cannot even name a record.
 */
export class ShardKeys {
  /** Prefix of the BullMQ queues of this shard, and of all of its other keys. */
  readonly prefix: string;
  /** Sorted set of refs outstanding, scored by deadline (Unix ms): waiting, running, or payload not yet gone. */
  readonly outstanding: string;
  /** Bytes of payload of all that is outstanding. */
  readonly bytes: string;
  /** How many requests of this shard were ever settled: its slope is the drain rate. */
  readonly settled: string;
  /** Hash of a request that is not settled, or whose payload is not gone: owner, epoch, deadline, … */
  readonly recordPrefix: string;
  /** The terminal record of a request, in the form of `encodeSettled`. */
  readonly terminalPrefix: string;
  /** Payload of a request that is too large for its bundle. */
  readonly payloadPrefix: string;
  /** Stream of the tokens of a streaming request. */
  readonly tokensPrefix: string;

  constructor(shard: Shard) {
    this.prefix = `{f:${locOf(shard)}}`;
    this.outstanding = `${this.prefix}:outstanding`;
    this.bytes = `${this.prefix}:bytes`;
    this.settled = `${this.prefix}:settled`;
    this.recordPrefix = `${this.prefix}:r:`;
    this.terminalPrefix = `${this.prefix}:s:`;
    this.payloadPrefix = `${this.prefix}:p:`;
    this.tokensPrefix = `${this.prefix}:t:`;
  }

  /** BullMQ's own key of a job of a queue of this shard. */
  jobPrefix(queue: string): string {
    return `${this.prefix}:${queue}:`;
  }
}

/** The BullMQ queue of a shard that new work enters. */
export const MAIN_QUEUE = 'main';

export function refOf(tenant: string, id: string): string {
  return `${tenant}:${id}`;
}

/** The stream on which a gateway receives answers. */
export function replyStream(gateway: string): string {
  return `f:reply:${gateway}`;
}

/** Maps a tenant's idempotency key to an inference id. Hashed: keys are the caller's and may be long or secret. */
export function idempotencyKey(tenant: string, key: string): string {
  return `f:idem:${tenant}:${createHash('sha256').update(key).digest('base64url')}`;
}
