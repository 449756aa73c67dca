import { z } from 'zod';

/** Bins of one feature, and features of one version at most: a window's memory is their product. */
const MAX_BINS = 64;
export const MAX_FEATURES = 64;

const featureSchema = z
  .strictObject({
    /** Upper bounds of the bins, ascending; the last bin has none. A value on a bound is below it. */
    edges: z.array(z.number()).min(1).max(MAX_BINS - 1).refine((e) => e.every((x, i) => i === 0 || x > (e[i - 1] as number)), 'must ascend'), // prettier-ignore
    /** How many values of the reference each bin has; one more than there are edges. */
    counts: z.array(z.int().min(0)).min(2).max(MAX_BINS),
  })
  .refine(({ edges, counts }) => counts.length === edges.length + 1, 'needs one count more than edges')
  .refine(({ counts }) => counts.some((n) => n > 0), 'has no value');

/**
 * `reference.json` in the folder of a version: how its inputs and predictions were distributed when it was approved.
 * The names of features are those of `libs/policy/src/drift-summary.ts`.
 */
export const driftReferenceSchema = z.strictObject({
  schema: z.literal(1),
  features: z
    .record(z.string().min(1).max(128), featureSchema)
    .refine((features) => Object.keys(features).length <= MAX_FEATURES, `at most ${MAX_FEATURES} features`),
});

export type DriftReference = z.output<typeof driftReferenceSchema>;
export type FeatureReference = DriftReference['features'][string];
