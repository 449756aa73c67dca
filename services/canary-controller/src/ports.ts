import type { GatePolicy } from '@frontier/contracts/gates';
import type { MetricsSource } from '@frontier/contracts/rollout';
import type { AuditStore, RegistryStore, RolloutStore } from '@frontier/contracts/registry';
import type { Promotions } from '@frontier/git/promotions';
import type { Logger } from '@frontier/kit/logger';
import type { TrafficStore } from '@frontier/redis/traffic';
import type { SlotGate } from './argo/slot-gate.ts';
import type { Baseline } from './baseline.ts';
import type { ControllerMetrics } from './metrics.ts';

/** Who the audit log and Git say it was. */
export const SELF = 'canary-controller';

/** The environment's file of a model in Git. */
export type Environments = Pick<
  Promotions,
  'read' | 'contains' | 'begin' | 'propose' | 'promote' | 'rollback' | 'settle' | 'unblock'
>;

/** What a rollout is run with; everything that the outside could be replaced by in a test. */
export interface Tools {
  registry: RegistryStore;
  rollouts: RolloutStore;
  audit: Pick<AuditStore, 'append' | 'list'>;
  traffic: Pick<TrafficStore, 'get' | 'put' | 'confirmed'>;
  /** Newest samples not older than the policy says. */
  source: (staleMs: number) => MetricsSource;
  /** Undefined: nothing is committed. */
  git: { environments: Environments; environment: string } | undefined;
  /** Undefined: a version is called as soon as Git names it. */
  slots: SlotGate | undefined;
  baseline: Baseline;
  /** Why no rollout may go on now; undefined: it may. */
  frozen: () => string | undefined;
  gatePolicy: () => Promise<GatePolicy>;
  metrics: ControllerMetrics;
  log: Logger;
}
