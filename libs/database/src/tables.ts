import type { Gate, Lineage, OwnerRole, Role, VersionState } from '@frontier/contracts/registry';
import type { RolloutEvent, RolloutPhase } from '@frontier/contracts/rollout';
import type { RolloutPolicy } from '@frontier/contracts/rollout-policy';
import { sql, type ColumnType, type Generated, type RawBuilder } from 'kysely';

/** All tables lie in a schema of their own, so that the database may hold other things too. */
export const SCHEMA = 'frontier';

/** JSON is written as text: the drivers would take an array for an array of PostgreSQL. */
type Json<T> = ColumnType<T, string, string>;

/** Unix ms by the clock of the database, which all processes share. */
export const now: RawBuilder<number> = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

interface VersionRow {
  model: string;
  version: string;
  name: string;
  digest: string;
  card: string;
  lineage: Json<Lineage>;
  state: VersionState;
  author: string;
  createdAt: number;
  updatedAt: number;
}

interface ReportRow {
  sha256: string;
  report: Json<Record<string, unknown>>;
}

interface EvidenceRow {
  position: Generated<number>;
  id: string;
  model: string;
  version: string;
  gate: Gate;
  kind: string;
  sha256: string;
  author: string;
  createdAt: number;
}

interface JudgementRow {
  position: Generated<number>;
  model: string;
  version: string;
  gate: Gate;
  passed: boolean;
  reason: string;
  evidence: Json<string[]>;
  role: OwnerRole;
  approver: string;
  at: number;
}

interface RolloutRow {
  id: string;
  model: string;
  stable: string;
  canary: string;
  canaryDigest: string;
  policy: Json<RolloutPolicy>;
  salt: string;
  phase: RolloutPhase;
  share: number;
  createdAt: number;
  createdBy: string;
  endedAt: number | null;
  waits: string | null;
}

interface OrderRow {
  id: Generated<number>;
  rollout: string;
  event: Json<Extract<RolloutEvent, { kind: 'command' }>>;
  takenAt: number | null;
}

interface BlockedRow {
  digest: string;
  rollout: string;
  at: number;
}

interface ApiKeyRow {
  id: string;
  name: string;
  role: Role;
  owns: Json<OwnerRole[]>;
  secretHash: string;
  createdAt: number;
  revokedAt: number | null;
  lastUsedAt: number | null;
}

interface LeaseRow {
  name: string;
  holder: string;
  until: number;
}

/** The end of a chain: where the next line goes. Its row is the lock of whoever appends. */
interface ChainRow {
  name: string;
  seq: number;
  hash: string;
}

interface ChainLineRow {
  chain: string;
  seq: number;
  /** Stored as it was hashed. */
  line: Json<unknown>;
  hash: string;
}

export interface Tables {
  versions: VersionRow;
  reports: ReportRow;
  evidence: EvidenceRow;
  judgements: JudgementRow;
  rollouts: RolloutRow;
  orders: OrderRow;
  blocked: BlockedRow;
  apiKeys: ApiKeyRow;
  leases: LeaseRow;
  chains: ChainRow;
  chainLines: ChainLineRow;
}
