import { z } from 'zod';

/** Sides of a rollout: `control` is the slice of stable that is as large as the canary and treated like it. */
export const VARIANTS = ['stable', 'control', 'canary'] as const;
export type Variant = (typeof VARIANTS)[number];

/** All traffic, in the unit of shares. */
export const WHOLE = 10_000;

/** Versions of one model that a record refuses; of more than these the oldest are left out. */
export const MAX_BLOCKED = 1_000;

const version = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const share = z.int().min(0).max(WHOLE);
const salt = z.string().min(1).max(64);

/** What the gateways are to do with the calls of one model that name no version. */
export const modelTrafficSchema = z.strictObject({
  model: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/),
  /** Grows with each change of this record, and never falls. */
  epoch: z.int().min(0),
  stable: version,
  /** Versions that are not served, also when a caller names them. */
  blocked: z.array(version).max(MAX_BLOCKED),
  rollout: z
    .strictObject({
      id: z.string().min(1).max(64),
      salt,
      /** `aa`: both sides are served by stable, to see whether the split itself is fair. */
      mode: z.enum(['aa', 'canary']),
      canary: version,
      /** Of `WHOLE`. The control slice has as much, or what is left. */
      share,
    })
    .nullable(),
  /** Copies of calls that run beside and are never answered. */
  shadow: z.strictObject({ id: z.string().min(1).max(64), version, share }).nullable(),
  /** An A/B experiment; not at the same time as a rollout. What no arm has stays with stable. */
  experiment: z
    .strictObject({
      id: z.string().min(1).max(64),
      salt,
      arms: z.array(z.strictObject({ name: z.string().regex(/^[a-z0-9-]{1,32}$/), version, share })).min(2).max(8), // prettier-ignore
    })
    .nullable(),
});

export type ModelTraffic = z.output<typeof modelTrafficSchema>;

/** What became of a mirrored call. `shed`: not run, for want of room; `unpaired`: stable itself gave no answer. */
export const SHADOW_RESULTS = ['same', 'different', 'failed', 'shed', 'unpaired'] as const;
export type ShadowResult = (typeof SHADOW_RESULTS)[number];

/** Integers of all gateways about one shadow. Histograms: counts by the upper bound of each bucket alone. */
export interface ShadowReport {
  results: Record<ShadowResult, number>;
  /** 0: equal answers, 1: nothing in common. */
  difference: Record<string, number>;
  /** Execution alone, seconds. */
  latency: Record<'stable' | 'candidate', Record<string, number>>;
}
