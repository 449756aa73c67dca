import { z } from 'zod';

export const PRIORITIES = ['vip', 'standard', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const POOLS = ['gpu', 'cpu'] as const;
export type Pool = (typeof POOLS)[number];

/** One (priority, pool, shard): one main BullMQ queue, one hash slot in Redis. */
export interface Shard {
  priority: Priority;
  pool: Pool;
  index: number;
}

const policySchema = z.object({
  /** Requests outstanding at most: waiting or running. */
  bound: z.int().min(1).max(1_000_000),
  /** Bytes of payload outstanding at most. */
  boundBytes: z.int().min(1024),
  /** Requests in one batch at most. */
  batchSize: z.int().min(1).max(1024),
  /** A batch for a busy worker is sent on when its oldest request has waited this long, ms. */
  flushMs: z.number().min(0).max(10_000),
  /** Where the priority prefers to run; a model that only one pool can run goes there. */
  pool: z.enum(POOLS),
  /** Batches that one dispatcher keeps under way at once. */
  concurrency: z.int().min(1).max(1024),
  /** From acceptance to answer, ms. Callers may only shorten it. */
  timeoutMs: z.int().min(1).max(86_400_000),
  /** Executions at most that may end in an error of the request's own. */
  attempts: z.int().min(1).max(100),
  /**
   * Longest wait of a caller for a worker, ms: the published worst wait. Who would wait a quarter of it by what is
   * measured is refused, since rates may fall meanwhile; jobs, for which nobody waits, may wait until their deadline.
   */
  maxWaitMs: z.int().min(1).max(86_400_000),
});

export type QueuePolicy = z.infer<typeof policySchema>;

const MiB = 1024 * 1024;

/** The defaults of `spec/queues.md`; all are configuration. */
const DEFAULTS: Record<Priority, QueuePolicy> = {
  vip: { bound: 100, boundBytes: 256 * MiB, batchSize: 8, flushMs: 15, pool: 'gpu', concurrency: 4, timeoutMs: 5_000, attempts: 5, maxWaitMs: 3_000 }, // prettier-ignore
  standard: { bound: 1000, boundBytes: 512 * MiB, batchSize: 32, flushMs: 20, pool: 'gpu', concurrency: 8, timeoutMs: 30_000, attempts: 3, maxWaitMs: 9_000 }, // prettier-ignore
  low: { bound: 500, boundBytes: 256 * MiB, batchSize: 16, flushMs: 50, pool: 'cpu', concurrency: 16, timeoutMs: 60_000, attempts: 2, maxWaitMs: 30_000 }, // prettier-ignore
};

/** Per-priority overrides, for example `{"vip":{"bound":200}}`; what is not named keeps its default. */
export const queuePoliciesSchema = z
  .partialRecord(z.enum(PRIORITIES), policySchema.partial())
  .transform((given): Record<Priority, QueuePolicy> => ({
    vip: { ...DEFAULTS.vip, ...definedOf(given.vip) },
    standard: { ...DEFAULTS.standard, ...definedOf(given.standard) },
    low: { ...DEFAULTS.low, ...definedOf(given.low) },
  }));

export type QueuePolicies = z.output<typeof queuePoliciesSchema>;

function definedOf(value: object | undefined): Partial<QueuePolicy> {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, v]) => v !== undefined));
}

const PRIORITY_LETTER: Record<Priority, string> = { vip: 'v', standard: 's', low: 'l' };
const POOL_LETTER: Record<Pool, string> = { gpu: 'g', cpu: 'c' };

/** The `<loc>` part of an inference id, for example `sc0`: it says in which shard the record lies. */
export function locOf(shard: Shard): string {
  return `${PRIORITY_LETTER[shard.priority]}${POOL_LETTER[shard.pool]}${shard.index}`;
}

const LOC = /^([vsl])([gc])(0|[1-9]\d{0,3})$/;

export function parseLoc(loc: string): Shard | undefined {
  const match = LOC.exec(loc);
  if (!match) return undefined;
  const priority = PRIORITIES.find((p) => PRIORITY_LETTER[p] === match[1]);
  const pool = POOLS.find((p) => POOL_LETTER[p] === match[2]);
  return priority && pool ? { priority, pool, index: Number(match[3]) } : undefined;
}

/** `inf_<uuidv7>_<loc>`: the id by which an inference is polled, resumed and cancelled. */
export function inferenceId(uuidv7: string, shard: Shard): string {
  return `inf_${uuidv7}_${locOf(shard)}`;
}

const ID = /^inf_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}_([a-z]{2}\d{1,4})$/;

/** The shard that holds the record of an id; undefined for anything that is not an inference id. */
export function shardOfId(id: string): Shard | undefined {
  const loc = ID.exec(id)?.[1];
  return loc === undefined ? undefined : parseLoc(loc);
}
