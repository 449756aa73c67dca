import { applyChange, refusal, type Change, type EnvironmentFile } from '@frontier/git/environment-file';
import type { Placed, Reason } from '@frontier/git/promotions';
import type { Environments } from '../ports.ts';

/** The environments' files without Git, with the same refusals; a decision id is done once. */
export class MemoryEnvironments implements Environments {
  file: EnvironmentFile | undefined;
  readonly commits: Array<{ kind: Change['kind']; reason: Reason }> = [];
  /** Thrown by every call. */
  fault: Error | undefined;

  async read(): Promise<Placed | undefined> {
    if (this.fault) throw this.fault;
    return this.file && { commit: `${this.commits.length}`, file: this.file };
  }

  /** A commit is known by how many there were. */
  contains: Environments['contains'] = async (revision, commit) => Number(commit) <= Number(revision);

  begin: Environments['begin'] = async ({ environment, model }, release, reason) => {
    if (this.fault) throw this.fault;
    this.file ??= { schema: 1, environment, model, stable: { ...release, slot: 'blue' }, candidate: null, blocked: [], decisionId: reason.decisionId }; // prettier-ignore
    return this.#committed('begin', reason);
  };

  propose: Environments['propose'] = async (_place, { mode, ...release }, expected, reason) =>
    this.#change({ kind: 'propose', release, mode }, expected, reason);

  promote: Environments['promote'] = async (_place, digest, expected, reason) =>
    this.#change({ kind: 'promote', digest }, expected, reason);

  rollback: Environments['rollback'] = async (_place, digest, block, expected, reason) =>
    this.#change({ kind: 'rollback', digest, block }, expected, reason);

  settle: Environments['settle'] = async (_place, digest, expected, reason) =>
    this.#change({ kind: 'settle', digest }, expected, reason);

  unblock: Environments['unblock'] = async (_place, digest, expected, reason) =>
    this.#change({ kind: 'unblock', digest }, expected, reason);

  #change(change: Exclude<Change, { kind: 'begin' }>, expected: string, reason: Reason): Placed {
    if (this.fault) throw this.fault;
    if (!this.file) throw refusal('missing', 'no file');
    if (this.commits.some((one) => one.reason.decisionId === reason.decisionId)) return this.#placed();
    this.file = { ...applyChange(this.file, change, expected), decisionId: reason.decisionId };
    return this.#committed(change.kind, reason);
  }

  #committed(kind: Change['kind'], reason: Reason): Placed {
    this.commits.push({ kind, reason });
    return this.#placed();
  }

  #placed(): Placed {
    return { commit: `${this.commits.length}`, file: this.file as EnvironmentFile };
  }
}
