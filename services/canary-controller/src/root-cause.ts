import type { Decision, Rollout } from '@frontier/contracts/rollout';
import type { RegistryStore, RolloutLogEntry, RolloutStore } from '@frontier/contracts/registry';
import type { Standing } from './standing.ts';
import { entry } from './versions.ts';

const PAGE = 200;
/** Lines of the timeline: all changes up to this, and the last scrapes before the end. */
const MAX_CHANGES = 200;
const LAST_SCRAPES = 20;

interface Line {
  decision: string;
  at: string;
  event: string;
  verdict: Decision['verdict'];
  phase: string;
  share: number;
  reason: string;
}

/**
 * Attaches what is known about a rollback to the version that was taken away, once: for whoever looks for the cause,
 * before the version starts again at G0.
 */
export async function attachRootCause(
  registry: Pick<RegistryStore, 'attach' | 'evidence'>,
  rollouts: Pick<RolloutStore, 'log'>,
  rollout: Rollout,
  { rolledBack }: Standing,
): Promise<void> {
  if (!rolledBack) return;
  const { id, model, stable, canary, canaryDigest, policy, createdAt, createdBy } = rollout;
  const there = await registry.evidence(model, canary);
  if (there.some(({ kind, report }) => kind === 'rca' && report['rollout'] === id)) return;
  const { decision, reason, block, at } = rolledBack;
  const { timeline, evidence, alarms } = await historyOf(rollouts, id, decision);
  const report = {
    rollout: id,
    decision,
    at: new Date(at).toISOString(),
    reason,
    model,
    canary: { version: canary, digest: canaryDigest, blocked: block },
    restored: stable,
    startedAt: new Date(createdAt).toISOString(),
    startedBy: createdBy,
    evidence,
    alarms,
    timeline,
    policy,
    next: block
      ? 'find the cause, publish a new version and begin at G0; this digest gets no traffic until it is unblocked'
      : 'the version is approved as before: start another rollout when the reason is gone',
  };
  const why = `rollout ${id}: ${reason}`;
  const audit = entry('evidence.attach', `version/${model}@${canary}`, null, { kind: 'rca', decision }, why);
  await registry.attach(model, canary, { gate: 'G5', kind: 'rca', report }, audit);
}

/** The changes of a rollout, its last scrapes, and what was known at a decision. */
async function historyOf(rollouts: Pick<RolloutStore, 'log'>, id: string, decision: string) {
  const changes: Line[] = [];
  let scrapes: Line[] = [];
  let decided: Decision | undefined;
  let before: RolloutLogEntry | undefined;
  for (let seq = 0; ;) {
    const entries = await rollouts.log(id, seq, PAGE);
    for (const one of entries) {
      seq = one.seq;
      if (one.id === decision) decided = one.decision;
      if (isChange(one, before)) changes.push(lineOf(one));
      else scrapes.push(lineOf(one));
      before = one;
    }
    scrapes = scrapes.slice(-LAST_SCRAPES);
    if (changes.length > MAX_CHANGES) changes.splice(1, changes.length - MAX_CHANGES);
    if (entries.length < PAGE) break;
  }
  const timeline = [...changes, ...scrapes].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return { timeline, evidence: decided?.evidence ?? null, alarms: decided?.alarms ?? [] };
}

function isChange(one: RolloutLogEntry, before: RolloutLogEntry | undefined): boolean {
  const { event, decision } = one;
  if (!before || event.kind === 'command') return true;
  return decision.phase !== before.decision.phase || decision.share !== before.decision.share || decision.verdict !== before.decision.verdict; // prettier-ignore
}

function lineOf({ id, at, event, decision }: RolloutLogEntry): Line {
  const { verdict, phase, share, reason } = decision;
  const told =
    event.kind === 'command' ? `${event.command} by ${event.who}: ${event.why}` : event.kind === 'fault' ? `no metrics: ${event.reason}` : 'scrape'; // prettier-ignore
  return { decision: id, at: new Date(at).toISOString(), event: told, verdict, phase, share, reason };
}
