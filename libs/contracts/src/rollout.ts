import type { RolloutPolicy } from './rollout-policy.ts';
import type { Variant } from './traffic.ts';

/** Cumulative integers of one series, as a service exports them. */
export interface Counters {
  /** Calls that were given this variant, and how many of them have ended. */
  assigned: number;
  ended: number;
  /** Of those that ended: as 5xx, which a missed deadline is too. */
  errors: number;
  /** Answers within each of the scrape's bounds (cumulative); the last number is all of them. */
  latency: readonly number[];
}

/** A stratum is (instance, priority, pool): sides are compared only inside one. `half`: by a hash, for the A/A test. */
export interface Reading {
  instance: string;
  priority: string;
  pool: string;
  variant: Variant;
  half: 'a' | 'b';
  counters: Counters;
}

/** All readings of one rollout at one moment. */
export interface Scrape {
  /** Unix ms by the clock of the source. */
  at: number;
  /** Upper bounds of the latency buckets in seconds, ascending, without infinity. */
  bounds: readonly number[];
  /** The traffic record that each instance obeys. */
  epochs: Readonly<Record<string, number>>;
  readings: readonly Reading[];
  /** `<version> <feature>` of each feature of the model whose drift alarm is on; absent: none. */
  drift?: readonly string[];
}

export const FAULTS = ['unreachable', 'stale', 'empty', 'ambiguous', 'malformed'] as const;
/** Why there is no scrape. `ambiguous`: several series where one is expected. */
export type MetricsFaultReason = (typeof FAULTS)[number];

export class MetricsFault extends Error {
  readonly reason: MetricsFaultReason;

  constructor(reason: MetricsFaultReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Where the integers come from. */
export interface MetricsSource {
  /** Throws MetricsFault. */
  scrape(model: string, rollout: string, signal: AbortSignal): Promise<Scrape>;
}

export const COMMANDS = ['pause', 'resume', 'promote', 'abort', 'freeze', 'unfreeze', 'release'] as const;
/** `release`: lets a rollout go on that waits for a person (sample ratio, inconclusive). */
export type RolloutCommand = (typeof COMMANDS)[number];

/** What a rollout is told, in the order of its log. Nothing else decides anything, so a replay gives the same. */
export type RolloutEvent =
  /** `unmet`: what has to happen before the canary may be promoted, and by whom; absent: nothing. */
  | { kind: 'scrape'; at: number; scrape: Scrape; unmet?: string }
  | { kind: 'fault'; at: number; reason: MetricsFaultReason }
  /** `order`: the id of the order that it obeys; absent: the controller's own word. */
  | { kind: 'command'; at: number; command: RolloutCommand; who: string; why: string; order?: string };

/**
 * `aa`: both sides on stable. `canary`: at a step. `ready`: green, a person is asked to promote. `watch`: has all
 * traffic, only the objective counts. `asks`: waits for a person's decision. The last three are ends.
 */
export const PHASES = [
  'aa',
  'canary',
  'ready',
  'watch',
  'asks',
  'promoted',
  'rolled-back',
  'aborted',
] as const;
export type RolloutPhase = (typeof PHASES)[number];

export const VERDICTS = ['continue', 'hold', 'advance', 'ready', 'promote', 'rollback', 'abort', 'ask', 'end'] as const; // prettier-ignore
export type Verdict = (typeof VERDICTS)[number];

/** What is known at a scrape; numbers are point estimates and e-values. */
export interface Evidence {
  requests: { control: number; canary: number };
  errors: { control: number; canary: number };
  /** ms; control reweighted to the canary's volume per interval. */
  p95: { control: number; canary: number };
  /** e-values against "as good as control", and of the two tests of the objective. */
  eErrors: number;
  eLatency: number;
  eObjectiveErrors: number;
  eObjectiveLatency: number;
  /** e-values for "not worse". */
  eNonInferiorErrors: number;
  eNonInferiorLatency: number;
  /** e-values of the sample ratio and of the A/A halves. */
  eSampleRatio: number;
  eHalves: number;
  /** Design effect: the likelihood is tempered by it. */
  designEffect: number;
}

export interface Decision {
  verdict: Verdict;
  /** The rule and the numbers that decided, for a person. */
  reason: string;
  phase: RolloutPhase;
  share: number;
  evidence: Evidence;
  alarms: readonly string[];
}

/** What has to be done about a decision, in order. Each may be done twice. */
export type RolloutEffect =
  | { kind: 'traffic'; mode: 'aa' | 'canary'; share: number; newSalt: boolean }
  | { kind: 'rollback'; block: boolean }
  | { kind: 'promote' }
  | { kind: 'end' };

export interface RolloutStep<State> {
  state: State;
  decision: Decision;
  effects: readonly RolloutEffect[];
}

/** One rollout as it is stored. */
export interface Rollout {
  id: string;
  model: string;
  stable: string;
  canary: string;
  /** Manifest digest of the canary, `sha256:<hex>`. */
  canaryDigest: string;
  policy: RolloutPolicy;
  salt: string;
  phase: RolloutPhase;
  share: number;
  createdAt: number;
  createdBy: string;
  endedAt: number | null;
  /** Why nothing goes on although it is to, such as a remote of Git that does not answer; null: nothing is in the way. */
  waits: string | null;
}
