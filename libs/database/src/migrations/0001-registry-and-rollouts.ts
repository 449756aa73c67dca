import type { Migration } from '../migrate.ts';

const versions = [
  `create table frontier.versions (
    model text not null,
    version text not null,
    name text not null,
    digest text not null,
    card text not null,
    lineage json not null,
    state text not null,
    author text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (model, version)
  )`,
  `create unique index one_production on frontier.versions (model) where state = 'production'`,
  `create table frontier.reports (sha256 text primary key, report json not null)`,
  `create table frontier.evidence (
    position bigint generated always as identity primary key,
    id text not null unique,
    model text not null,
    version text not null,
    gate text not null,
    kind text not null,
    sha256 text not null references frontier.reports,
    author text not null,
    created_at bigint not null,
    constraint evidence_version foreign key (model, version) references frontier.versions
  )`,
  `create index evidence_of on frontier.evidence (model, version, position)`,
  `create table frontier.judgements (
    position bigint generated always as identity primary key,
    model text not null,
    version text not null,
    gate text not null,
    passed boolean not null,
    reason text not null,
    evidence json not null,
    role text not null,
    approver text not null,
    at bigint not null,
    constraint judgements_version foreign key (model, version) references frontier.versions
  )`,
  `create index judgements_of on frontier.judgements (model, version, gate, role, position desc)`,
];

const rollouts = [
  `create table frontier.rollouts (
    id text primary key,
    model text not null,
    stable text not null,
    canary text not null,
    canary_digest text not null,
    policy json not null,
    salt text not null,
    phase text not null,
    share integer not null,
    created_at bigint not null,
    created_by text not null,
    ended_at bigint
  )`,
  `create unique index one_running on frontier.rollouts (model) where ended_at is null`,
  `create index rollouts_newest on frontier.rollouts (created_at desc, id desc)`,
  `create table frontier.orders (
    id bigint generated always as identity primary key,
    rollout text not null references frontier.rollouts,
    event json not null,
    taken_at bigint
  )`,
  `create index orders_open on frontier.orders (rollout, id) where taken_at is null`,
  `create table frontier.blocked (digest text primary key, rollout text not null, at bigint not null)`,
];

const access = [
  `create table frontier.api_keys (
    id text primary key,
    name text not null,
    role text not null,
    owns json not null,
    secret_hash text not null,
    created_at bigint not null,
    revoked_at bigint,
    last_used_at bigint
  )`,
  `create table frontier.leases (name text primary key, holder text not null, until bigint not null)`,
];

/** `json` and not `jsonb`: it keeps the text as it was, which is what the hashes are of. */
const chains = [
  `create table frontier.chains (name text primary key, seq bigint not null, hash text not null)`,
  `insert into frontier.chains values ('audit', 0, '')`,
  `create table frontier.chain_lines (
    chain text not null references frontier.chains,
    seq bigint not null,
    line json not null,
    hash text not null,
    primary key (chain, seq)
  )`,
  `create index audit_subject on frontier.chain_lines ((line ->> 'subject'), seq desc) where chain = 'audit'`,
  `create index audit_who on frontier.chain_lines ((line ->> 'who'), seq desc) where chain = 'audit'`,
  `create function frontier.refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'lines of a chain are never changed' using errcode = 'insufficient_privilege';
    end
  $$`,
  `create trigger append_only before update or delete or truncate on frontier.chain_lines
    for each statement execute function frontier.refuse_change()`,
];

export const registryAndRollouts: Migration = {
  name: '0001-registry-and-rollouts',
  statements: [...versions, ...rollouts, ...access, ...chains],
};
