import type { WireError } from './errors.ts';
import type { BundledRequest } from './request.ts';
import type { Shard } from './queue.ts';

/**
 * Why a request ended without an answer, in the order in which dead letters are kept and shown:
 * `transient`: its attempts were used up by errors that pass; `deadline`: its time was over; `crash`: whoever ran it
 * was lost, again and again; `permanent`: it cannot succeed; `unreadable`: a job that nobody understands.
 */
export const FAILURE_KINDS = ['transient', 'deadline', 'crash', 'permanent', 'unreadable'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** A request that failed for good: what it was, why, and how often it was tried. Kept for 7 days. */
export interface DeadLetter {
  id: string;
  tenant: string;
  model: string;
  version: string;
  shard: Shard;
  kind: FailureKind;
  error: WireError;
  /** Executions that ended in an error of its own. */
  attempts: number;
  /** Times that its dispatcher was lost. */
  crashes: number;
  /** Unix ms. */
  diedAt: number;
  /** What a redrive runs, with its history. Of an `unreadable` job: as much of its data as is kept. */
  request: BundledRequest;
  /** Its payload was too large to be kept: it cannot be redriven. */
  withoutPayload?: boolean;
}
