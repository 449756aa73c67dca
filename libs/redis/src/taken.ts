import type { Shard } from '@frontier/contracts/queue';
import type { BundledRequest } from '@frontier/contracts/request';

/** A request that this process may run, and what it needs to prove so at its end. */
export interface TakenRequest extends Omit<BundledRequest, 'inline'> {
  ref: string;
  shard: Shard;
  payload: Uint8Array;
  /** The gateway that submitted it; empty: nobody. */
  gateway: string;
  /** `<queue>:<job>`, as its record says. */
  owner: string;
  /** The token of the lock on the job. */
  lock: string;
  /** Its deadline on the monotonic clock of this process (`performance.now()`), ms. */
  localDeadline: number;
  /** How long it waited in the queue, ms. */
  waitedMs: number;
  /** How often its dispatcher was lost. */
  crashes: number;
  /** It has run before, in part perhaps. */
  rerun: boolean;
}

export interface TakenBundle {
  shard: Shard;
  run: TakenRequest[];
  /** Their deadline has passed: they are only to be settled. */
  expired: TakenRequest[];
  /** A gateway has settled them as timeouts: they are only to become dead letters. */
  late: TakenRequest[];
  /** They have a result that a lost holder of the job did not publish. */
  committed: TakenRequest[];
}
