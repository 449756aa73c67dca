import { createHash } from 'node:crypto';
import type { Shard } from '@frontier/contracts/queue';
import { hashTag } from './hash-slot.ts';

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
  /** Hash of requests parked: per `<model>@<version>`, `*` all of them, `bytes` their payloads. */
  readonly held: string;
  /** Hash tenant -> requests outstanding. */
  readonly tenants: string;
  /** Hash `<model>@<version>` -> requests outstanding, parked ones too. */
  readonly models: string;
  /** Hash of a request that is not settled, or whose payload is not gone: owner, epoch, deadline, … */
  readonly recordPrefix: string;
  /** The terminal record of a request, in the form of `encodeSettled`. */
  readonly terminalPrefix: string;
  /** Payload of a request that is too large for its bundle. */
  readonly payloadPrefix: string;
  /** Stream of the tokens of a streaming request. */
  readonly tokensPrefix: string;
  /** Sorted set of the refs of dead letters, scored by when they were added (Unix ms). */
  readonly letters: string;
  /** Its expiry is the clock of the scheduled redrive. */
  readonly redriving: string;
  /** Payload of a dead letter that is too large for its job. */
  readonly letterPayloadPrefix: string;

  constructor(shard: Shard) {
    this.prefix = `{${hashTag(shard)}}`;
    this.outstanding = `${this.prefix}:outstanding`;
    this.bytes = `${this.prefix}:bytes`;
    this.settled = `${this.prefix}:settled`;
    this.held = `${this.prefix}:held`;
    this.tenants = `${this.prefix}:tenants`;
    this.models = `${this.prefix}:models`;
    this.recordPrefix = `${this.prefix}:r:`;
    this.terminalPrefix = `${this.prefix}:s:`;
    this.payloadPrefix = `${this.prefix}:p:`;
    this.tokensPrefix = `${this.prefix}:t:`;
    this.letters = `${this.prefix}:letters`;
    this.redriving = `${this.prefix}:redriving`;
    this.letterPayloadPrefix = `${this.prefix}:d:`;
  }
}

/** The BullMQ queues of a shard that a dispatcher takes from, in this order. */
export const LANES = ['retry', 'main', 'overflow'] as const;
/**
 * `retry`: what failed and may be tried again. `main`: new work. `overflow`: new work of a tenant that has more than
 * its share outstanding, so that others never wait behind it.
 */
export type LaneName = (typeof LANES)[number];
/** The queue of dead letters: nobody processes it. */
export const DEAD_QUEUE = 'dead';

/** How the record of a request names the job that may run it; behind the prefix it is BullMQ's key of that job. */
export function ownerOf(queue: string, job: string): string {
  return `${queue}:${job}`;
}

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
