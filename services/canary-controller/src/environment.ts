import { AppError } from '@frontier/contracts/errors';
import type { Gate } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import type { EnvironmentFile, Reason } from '@frontier/git/promotions';
import { approverOf, isSame } from './approval.ts';
import { SELF, type Tools } from './ports.ts';
import type { Standing } from './standing.ts';
import { unblockedBy } from './unblocked.ts';

type Needs = Pick<Tools, 'git' | 'registry' | 'audit' | 'log'>;

/**
 * What a rollout changes in its environment's file in Git. Every change may be made twice. All throw CONFLICT when the
 * file is not as the decision saw it, and UNAVAILABLE or FORBIDDEN while Git is gone or refuses.
 */
export class EnvironmentChanges {
  readonly #tools: Needs;
  readonly #rollout: Rollout;

  constructor(tools: Needs, rollout: Rollout) {
    this.#tools = tools;
    this.#rollout = rollout;
  }

  /** Before the first call is sent to the canary: it is the candidate. The commit that says so; undefined without Git. */
  async propose(standing: Standing, sha256: string, signal: AbortSignal): Promise<string | undefined> {
    const { git } = this.#tools;
    if (!git) return undefined;
    const { id, canary, canaryDigest } = this.#rollout;
    const file =
      (await git.environments.read(this.#place, signal))?.file ?? (await this.#begin(sha256, signal));
    const release = { version: canary, digest: canaryDigest, mode: 'canary' as const };
    const reason = await this.#approved(standing, `${id}.start`, sha256, 'G4');
    const stable = this.#stableDigest(file);
    if (file.blocked.includes(canaryDigest)) await this.#unblock(stable, reason, signal);
    return (await git.environments.propose(this.#place, release, stable, reason, signal)).commit;
  }

  /** As somebody has in the database. Nothing where nobody has: Git then refuses what is proposed. */
  async #unblock(stable: string, reason: Reason, signal: AbortSignal): Promise<void> {
    const { git, audit } = this.#tools;
    const { id, canaryDigest } = this.#rollout;
    const who = await unblockedBy(audit, canaryDigest);
    if (who === undefined) return;
    // Its author may have; then whoever stands for the rollout approves of it.
    const approvedBy = isSame(who, reason.requestedBy) ? reason.approvedBy : who;
    await git?.environments.unblock(this.#place, canaryDigest, stable, { ...reason, decisionId: `${id}.unblock`, approvedBy }, signal); // prettier-ignore
  }

  async promote(standing: Standing, signal: AbortSignal): Promise<void> {
    const { git } = this.#tools;
    const { promoted } = standing;
    if (!git || !promoted) return;
    const file = await this.#mustRead(signal);
    if (file.stable.digest === this.#rollout.canaryDigest) return;
    const reason = await this.#approved(standing, promoted.decision, promoted.sha256, 'G5');
    await git.environments.promote(this.#place, this.#rollout.canaryDigest, this.#stableDigest(file), reason, signal); // prettier-ignore
  }

  async rollBack({ rolledBack }: Standing, signal: AbortSignal): Promise<void> {
    const { git, log } = this.#tools;
    if (!git || !rolledBack) return;
    const { id, canaryDigest } = this.#rollout;
    const file = (await git.environments.read(this.#place, signal))?.file;
    const isCandidate = file?.candidate?.digest === canaryDigest && file.candidate.mode !== 'standby';
    if (!file || (!isCandidate && file.stable.digest !== canaryDigest)) {
      log.info({ rollout: id }, 'Git does not name the canary: nothing to take back');
      return;
    }
    const { decision, sha256, block } = rolledBack;
    const reason = machineReason(decision, sha256);
    await git.environments.rollback(this.#place, canaryDigest, block, file.stable.digest, reason, signal);
  }

  /** The old version needs to be loaded no longer. */
  async settle({ ended }: Standing, signal: AbortSignal): Promise<void> {
    const { git } = this.#tools;
    if (!git || !ended) return;
    const { stable, candidate } = await this.#mustRead(signal);
    const { canaryDigest } = this.#rollout;
    if (stable.digest !== canaryDigest || candidate?.mode !== 'standby') return;
    const reason = machineReason(`${ended.decision}.end`, ended.sha256);
    await git.environments.settle(this.#place, candidate.digest, canaryDigest, reason, signal);
  }

  get #place() {
    return { environment: this.#tools.git?.environment ?? '', model: this.#rollout.model };
  }

  async #begin(sha256: string, signal: AbortSignal): Promise<EnvironmentFile> {
    const { id, model, stable } = this.#rollout;
    const record = await this.#tools.registry.version(model, stable);
    if (!record) throw new AppError('CONFLICT', `Git does not know ${model}, nor does the registry know its version ${stable}: register it first`); // prettier-ignore
    const release = { version: stable, digest: record.digest };
    const { environments } = this.#tools.git as NonNullable<Tools['git']>;
    return (await environments.begin(this.#place, release, machineReason(`${id}.begin`, sha256), signal))
      .file;
  }

  async #mustRead(signal: AbortSignal): Promise<EnvironmentFile> {
    const placed = await this.#tools.git?.environments.read(this.#place, signal);
    if (placed) return placed.file;
    throw new AppError('CONFLICT', `Git has no file of ${this.#rollout.model} any more`);
  }

  #stableDigest({ stable }: EnvironmentFile): string {
    if (stable.version === this.#rollout.stable) return stable.digest;
    throw new AppError('CONFLICT', `Git says that ${stable.version} is stable, the rollout is against ${this.#rollout.stable}: decide again`); // prettier-ignore
  }

  async #approved(standing: Standing, decisionId: string, sha256: string, gate: Gate): Promise<Reason> {
    const { author, approver } = await approverOf(this.#tools.registry, this.#rollout, standing.approvedBy);
    return { decisionId, evidenceSha256: sha256, gate, requestedBy: author, approvedBy: approver };
  }
}

/** Of what needs nobody's approval. */
function machineReason(decisionId: string, sha256: string): Reason {
  return { decisionId, evidenceSha256: sha256, gate: 'G5', requestedBy: SELF, approvedBy: null };
}
