import { z } from 'zod';
import { modelTrafficSchema, WHOLE, type ModelTraffic } from './traffic.ts';

const name = z.string().regex(/^[a-z0-9-]{1,32}$/);
const armSchema = z.strictObject({ name, share: z.int().min(1).max(WHOLE) });

/** The first one is the baseline. */
function armsOf<A extends z.ZodType<{ name: string; share: number }>>(arm: A) {
  return z
    .array(arm)
    .min(2)
    .max(8)
    .refine((arms) => new Set(arms.map((one) => one.name)).size === arms.length, 'names must differ')
    .refine((arms) => arms.reduce((sum, { share }) => sum + share, 0) <= WHOLE, 'shares must add up to 10000 at most'); // prettier-ignore
}

/** What an A/B experiment asks. It is fixed before the first request. */
export const experimentPlanSchema = z.strictObject({
  id: z.string().min(1).max(64),
  arms: armsOf(armSchema),
  kpi: z.strictObject({
    name: z.string().trim().min(1).max(64),
    /** `rate`: each request has 0 or 1. `mean`: each has a whole number of `1 / perUnit` units. */
    kind: z.enum(['rate', 'mean']),
    better: z.enum(['higher', 'lower']),
    unit: z.string().max(16).default(''),
    perUnit: z.int().min(1).default(1),
  }),
  /** The smallest difference from the baseline that would matter, in units. */
  effect: z.number().gt(0),
  /** Probability of calling any arm different when none is. */
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  /** Ends when each arm has so many requests, or after this time. */
  horizon: z.strictObject({ requests: z.int().min(1), ms: z.int().min(1) }),
});

export type ExperimentPlan = z.output<typeof experimentPlanSchema>;

/** What gateways see by themselves. `latency`: from arrival to answer of completed calls that were waited for. */
export const GATEWAY_KPIS = {
  error_rate: { name: 'error_rate', kind: 'rate', better: 'lower', unit: '', perUnit: 1 },
  latency: { name: 'latency', kind: 'mean', better: 'lower', unit: 'ms', perUnit: 1000 },
} as const satisfies Record<string, ExperimentPlan['kpi']>;
export type GatewayKpi = keyof typeof GATEWAY_KPIS;

/** What somebody who starts one says. */
export const newExperimentSchema = experimentPlanSchema.omit({ id: true, kpi: true, arms: true }).extend({
  model: modelTrafficSchema.shape.model,
  arms: armsOf(armSchema.extend({ version: modelTrafficSchema.shape.stable })),
  kpi: z.enum(Object.keys(GATEWAY_KPIS) as [GatewayKpi, ...GatewayKpi[]]),
});

export type NewExperiment = z.output<typeof newExperimentSchema>;

/** An experiment as it is stored. Times: Unix ms. */
export interface Experiment {
  plan: ExperimentPlan;
  model: string;
  /** As in the traffic record. */
  arms: NonNullable<ModelTraffic['experiment']>['arms'];
  startedAt: number;
  startedBy: string;
  endedAt: number | null;
}

/**
 * Subjects (tenant and user) of an arm are put into groups by a hash. The spread between groups is what the result's
 * uncertainty comes from, so requests of one user may be as alike as they like.
 */
export const EXPERIMENT_GROUPS = 100;

/** Requests of one arm and the sum of their values, by group: integers. */
export interface ArmCounts {
  name: string;
  requests: number[];
  sums: number[];
}

/** What gateways have counted of an experiment. */
export type ExperimentReport = Record<GatewayKpi, ArmCounts[]>;
