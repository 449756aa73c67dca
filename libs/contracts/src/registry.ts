import { z } from 'zod';
import type { Decision, Rollout, RolloutEvent } from './rollout.ts';
import { rolloutPolicySchema } from './rollout-policy.ts';

export const VERSION_STATES = ['draft', 'staging', 'approved', 'production', 'archived'] as const;
export type VersionState = (typeof VERSION_STATES)[number];

export const GATES = ['G0', 'G1', 'G2', 'G3', 'G4', 'G5'] as const;
export type Gate = (typeof GATES)[number];

/** Who may sign which gate: names as in the table of gates. */
export const OWNER_ROLES = ['data-engineer', 'ml-engineer', 'security', 'ot-lead', 'qa', 'operations', 'release-manager'] as const; // prettier-ignore
export type OwnerRole = (typeof OWNER_ROLES)[number];

/** What somebody may do with the control service; each may do what those before it may. */
export const ROLES = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const text = (max: number) => z.string().trim().min(1).max(max);

/** Where a version comes from. */
export const lineageSchema = z.strictObject({
  datasetHash: sha256,
  commit: z.string().regex(/^[0-9a-f]{7,64}$/),
  configurationHash: sha256,
  environmentHash: sha256,
  metrics: z.record(text(64), z.number()).default({}),
  parent: z.string().max(64).nullable().default(null),
});
export type Lineage = z.output<typeof lineageSchema>;

/** `family-name_version_date`, for example `text-direction_2.1.0_20261121`. */
const registeredNameSchema = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*_[0-9A-Za-z][0-9A-Za-z.-]*_\d{8}$/).max(160); // prettier-ignore

export const newVersionSchema = z.strictObject({
  model: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/),
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  name: registeredNameSchema,
  /** Of the manifest. */
  digest: sha256,
  card: z
    .string()
    .max(256 * 1024)
    .default(''),
  lineage: lineageSchema,
});
export type NewVersion = z.output<typeof newVersionSchema>;

export interface VersionRecord extends NewVersion {
  state: VersionState;
  author: string;
  createdAt: number;
  updatedAt: number;
}

/** A report that a gate was judged by. The report itself is stored under its hash. */
export const newEvidenceSchema = z.strictObject({
  gate: z.enum(GATES),
  kind: text(64),
  /** JSON of at most 1 MiB. */
  report: z.record(z.string(), z.unknown()),
});
export type NewEvidence = z.output<typeof newEvidenceSchema>;

export interface EvidenceRecord {
  id: string;
  model: string;
  version: string;
  gate: Gate;
  kind: string;
  /** Of the canonical JSON of the report. */
  sha256: string;
  report: Record<string, unknown>;
  author: string;
  createdAt: number;
}

export interface GateRecord {
  model: string;
  version: string;
  gate: Gate;
  passed: boolean;
  reason: string;
  evidence: readonly string[];
  role: OwnerRole;
  approver: string;
  at: number;
}

/** A line of the append-only log; `hash` is of the line and the hash before it. */
export interface AuditEntry {
  seq: number;
  at: number;
  who: string;
  action: string;
  /** For example `version/text-direction@2`. */
  subject: string;
  before: unknown;
  after: unknown;
  why: string;
  hash: string;
}
export type NewAuditEntry = Omit<AuditEntry, 'seq' | 'hash' | 'at'>;

/** A line of a rollout's log. Replaying its events in order gives its decisions again. */
export interface RolloutLogEntry {
  /** `<rollout>-<seq>`: the id of a decision. */
  id: string;
  rollout: string;
  seq: number;
  at: number;
  event: RolloutEvent;
  decision: Decision;
  hash: string;
}

export const newRolloutSchema = z.strictObject({
  model: z.string().min(1).max(128),
  canary: z.string().min(1).max(64),
  policy: rolloutPolicySchema.prefault({}),
  why: text(1000),
});
export type NewRollout = z.output<typeof newRolloutSchema>;

export interface ApiKeyRecord {
  id: string;
  name: string;
  role: Role;
  owns: readonly OwnerRole[];
  createdAt: number;
  revokedAt: number | null;
  lastUsedAt: number | null;
}

export interface Page<T> {
  items: T[];
  next: string | undefined;
}

/** Versions, evidence and gates. Changes carry their audit entry and happen with it or not at all. */
export interface RegistryStore {
  /** Throws CONFLICT when the version exists (the same digest again: its record). */
  register(version: NewVersion, audit: NewAuditEntry): Promise<VersionRecord>;
  version(model: string, version: string): Promise<VersionRecord | undefined>;
  versions(filter: { model?: string; state?: VersionState }, limit: number, cursor?: string): Promise<Page<VersionRecord>>; // prettier-ignore
  /** Throws CONFLICT unless it is in `from`. A version that becomes `production` archives the one that was. */
  move(model: string, version: string, from: VersionState, to: VersionState, audit: NewAuditEntry): Promise<VersionRecord>; // prettier-ignore
  attach(
    model: string,
    version: string,
    evidence: NewEvidence,
    audit: NewAuditEntry,
  ): Promise<EvidenceRecord>;
  evidence(model: string, version: string): Promise<EvidenceRecord[]>;
  judge(gate: Omit<GateRecord, 'at'>, audit: NewAuditEntry): Promise<GateRecord>;
  /** The last judgement of each gate. */
  gates(model: string, version: string): Promise<GateRecord[]>;
}

export interface RolloutStore {
  /** Throws CONFLICT while another rollout of the model runs. */
  create(rollout: Rollout, audit: NewAuditEntry): Promise<Rollout>;
  get(id: string): Promise<Rollout | undefined>;
  list(filter: { model?: string; running?: boolean }, limit: number, cursor?: string): Promise<Page<Rollout>>;
  /** Appends, and changes phase, share and salt with it. Throws CONFLICT unless `seq` is the next. */
  append(entry: Omit<RolloutLogEntry, 'id' | 'hash'>, change: Pick<Rollout, 'phase' | 'share' | 'salt' | 'endedAt'>): Promise<RolloutLogEntry>; // prettier-ignore
  /** Says what a rollout waits for; null: nothing. For people only, nobody decides by it. */
  wait(rollout: string, reason: string | null): Promise<void>;
  /** In order, in pages, from `after` (exclusive) on. */
  log(rollout: string, after: number, limit: number): Promise<RolloutLogEntry[]>;
  /** The first broken line of a log's hash chain; undefined: it is sound. */
  verify(rollout: string): Promise<number | undefined>;
  /** A command for whoever controls the rollout; taken once, in order. */
  order(
    rollout: string,
    command: Extract<RolloutEvent, { kind: 'command' }>,
    audit: NewAuditEntry,
  ): Promise<void>;
  orders(rollout: string): Promise<Array<{ id: string; event: Extract<RolloutEvent, { kind: 'command' }> }>>;
  taken(order: string): Promise<void>;
  /** Digests that must not get traffic any more. */
  block(digest: string, rollout: string, audit: NewAuditEntry): Promise<void>;
  unblock(digest: string, audit: NewAuditEntry): Promise<void>;
  blocked(): Promise<string[]>;
}

export interface AuditStore {
  append(entry: NewAuditEntry): Promise<AuditEntry>;
  list(filter: { subject?: string; who?: string }, limit: number, cursor?: string): Promise<Page<AuditEntry>>;
  verify(): Promise<number | undefined>;
}

export interface KeyStore {
  /** `secretHash`: HMAC-SHA-256 of the secret; the secret itself is never stored. */
  create(key: Pick<ApiKeyRecord, 'id' | 'name' | 'role' | 'owns'> & { secretHash: string }, audit: NewAuditEntry): Promise<ApiKeyRecord>; // prettier-ignore
  find(id: string): Promise<(ApiKeyRecord & { secretHash: string }) | undefined>;
  list(): Promise<ApiKeyRecord[]>;
  revoke(id: string, audit: NewAuditEntry): Promise<boolean>;
  used(id: string): Promise<void>;
}

/** One holder at a time, by the clock of the database. */
export interface LeaseStore {
  /** Takes or renews; false while somebody else holds it. */
  hold(name: string, holder: string, forMs: number): Promise<boolean>;
  release(name: string, holder: string): Promise<void>;
}
