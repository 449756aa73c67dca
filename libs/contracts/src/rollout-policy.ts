import { z } from 'zod';
import { WHOLE } from './traffic.ts';

const DAY_MS = 24 * 3_600_000;
const ms = z
  .int()
  .min(1)
  .max(30 * DAY_MS);
const part = z.number().gt(0).lt(1);
const count = z.int().min(1);

/** How a canary earns traffic and what makes it lose it. The defaults are those of `docs/canary.md`. */
export const rolloutPolicySchema = z.strictObject({
  /** Shares of traffic in turn, of 10 000; the last one is all of it. Half of it at most before a canary is proven and approved. */
  steps: z.array(z.int().min(1).max(WHOLE)).min(2).max(10).default([500, 2_500, WHOLE]).refine((s) => s.every((x, i) => i === 0 || x > (s[i - 1] as number)) && s.at(-1) === WHOLE && (s.at(-2) ?? 0) <= WHOLE / 2, 'shares must grow and end with 10000, the one before it with 5000 at most'), // prettier-ignore
  /** Orders of people are read as often, so an abort waits as long. */
  scrapeMs: ms.max(60_000).default(1_000),
  blockMs: ms.default(300_000),
  /** Canary requests of a block at least, and blocks within tolerance that a promotion needs. */
  blockRequests: count.default(500),
  stableBlocks: count.default(3),
  /** Canary requests before the share grows, and before it becomes all. */
  advanceRequests: count.default(2_000),
  promoteRequests: count.default(10_000),
  /** Both sides on stable first: requests a side; 0: left out. */
  aaRequests: z.int().min(0).default(1_000),
  maxDurationMs: ms.default(DAY_MS),
  /** After a promotion only the objective is watched, the old version still loaded. */
  watchMs: ms.default(30 * 60_000),
  /** A hold this long takes the canary's traffic away; good scrapes in a row end a hold. */
  holdMs: ms.max(DAY_MS).default(600_000),
  goodScrapes: count.default(3),
  /** A scrape that is older says nothing. */
  staleMs: ms.max(600_000).default(10_000),
  /** Error probability of each family of evidence (errors, latency, and the two of the objective). */
  alpha: part.default(0.0025),
  /** Ratios of canary to control up to which it is taken to be as good (null hypotheses of the rollback). */
  errorsRatio: z.number().min(1).default(1),
  latencyRatio: z.number().min(1).default(1.25),
  /** What a rollback must also exceed: the user's rule, with absolute floors. */
  material: z
    .strictObject({
      p95Ratio: z.number().min(1).default(1.1),
      p95FloorMs: z.number().min(0).default(10),
      errorsRatio: z.number().min(1).default(1.5),
      errorsFloor: z.number().min(0).default(0.002),
    })
    .prefault({}),
  /** What a promotion must prove. */
  nonInferior: z
    .strictObject({
      latencyRatio: z.number().min(1).default(1.6),
      errorsRatio: z.number().min(1).default(1.5),
      errorsRate: part.default(0.003),
      evidence: z.number().min(1).default(20),
      p95Ratio: z.number().min(1).default(1.1),
      errorsDelta: z.number().min(0).default(0.005),
    })
    .prefault({}),
  /** The service-level objective, which the canary must keep by itself. */
  objective: z
    .strictObject({
      latencyMs: z.number().gt(0).default(300),
      slowPart: part.default(0.1),
      errorsPart: part.default(0.02),
    })
    .prefault({}),
  alarms: z
    .strictObject({
      p95Ratio: z.number().min(1).default(1.2),
      errorsPart: part.default(0.01),
      /** Of the share that was asked for. */
      sharePart: part.default(0.8),
    })
    .prefault({}),
  /** Off: a person presses promote when the verdict is green. */
  autoPromote: z.boolean().default(false),
});

export type RolloutPolicy = z.output<typeof rolloutPolicySchema>;
