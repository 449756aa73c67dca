import { z } from 'zod';
import { GATES, OWNER_ROLES, VERSION_STATES } from './registry.ts';

const decimal = z
  .string()
  .regex(/^-?\d{1,15}(\.\d{1,15})?$/, 'must be a decimal number like 0.95')
  .transform(Number);
const task = z
  .string()
  .regex(/^(\*|[a-z0-9]+(-[a-z0-9]+)*)$/, 'must be a task or *')
  .max(64);
const modelName = z.string().regex(/^(\*|[a-z0-9][a-z0-9._-]{0,127})$/, 'must be a model or *');

/** A line of `kpi_acceptance.csv`: what a metric of a gate's evidence must reach. `*`: every task. */
export const kpiSchema = z.strictObject({
  gate: z.enum(GATES),
  task,
  kpi: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be lower case with underscores'),
  comparison: z.enum(['>=', '<=']),
  threshold: decimal,
  meaning: z.string().min(1).max(500),
});
export type Kpi = z.output<typeof kpiSchema>;

/** A line of `risk_register.csv`. `*`: every model. */
export const riskSchema = z.strictObject({
  id: z.string().regex(/^[A-Z]+-\d{1,6}$/, 'must look like R-12'),
  model: modelName,
  severity: z.enum(['low', 'medium', 'high', 'critical']),
  status: z.enum(['open', 'mitigated', 'accepted', 'closed']),
  owner: z.enum(OWNER_ROLES),
  risk: z.string().min(1).max(500),
  mitigation: z.string().max(500),
});
export type Risk = z.output<typeof riskSchema>;

const score = z.number().min(0).max(1);

/** How good a version is by each part of the rubric. */
export const rubricSchema = z.strictObject({
  quality: score,
  safety: score,
  performance: score,
  cost: score,
});
export type Rubric = z.output<typeof rubricSchema>;

const gateRuleSchema = z.strictObject({
  /** Kinds of reports; the newest of each counts. */
  evidence: z
    .array(
      z
        .string()
        .regex(/^[a-z]+(-[a-z]+)*$/, 'must be lower case with hyphens')
        .max(64),
    )
    .min(1)
    .max(8),
  /** Each of them has to pass it, each another person. */
  owners: z.array(z.enum(OWNER_ROLES)).min(1),
  /** Its evidence has a `rubric`, whose weighted sum must reach `rubric.pass`. */
  rubric: z.boolean().default(false),
  /** Open risks of severity high and above let nobody pass. */
  risks: z.boolean().default(false),
  /** A failure sends the version back, and no earlier pass counts any more. */
  backToDraft: z.boolean().default(false),
});

/** `gates.yaml`. */
export const gatePolicySchema = z.strictObject({
  rubric: z.strictObject({
    weights: rubricSchema.refine(
      ({ quality, safety, performance, cost }) => Math.abs(quality + safety + performance + cost - 1) < 1e-9,
      'the weights must add up to 1',
    ),
    pass: score,
  }),
  gates: z.strictObject({
    G0: gateRuleSchema,
    G1: gateRuleSchema,
    G2: gateRuleSchema,
    G3: gateRuleSchema,
    G4: gateRuleSchema,
    G5: gateRuleSchema,
  }),
  /** SPDX identifiers that a model's licence may begin with. */
  licences: z.array(z.string().regex(/^[A-Za-z0-9.+-]{1,64}$/)).min(1),
  /** The only ways from state to state, and up to which gate all must have passed. */
  moves: z
    .array(
      z.strictObject({
        from: z.enum(VERSION_STATES),
        to: z.enum(VERSION_STATES),
        after: z.enum(GATES).nullable().default(null),
      }),
    )
    .min(1),
});
export type GatePolicy = z.output<typeof gatePolicySchema>;

/** The three files by which gates are judged. */
export interface Governance {
  policy: GatePolicy;
  kpis: readonly Kpi[];
  risks: readonly Risk[];
}
