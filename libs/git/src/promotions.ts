import { AppError } from '@frontier/contracts/errors';
import { sleep } from '@frontier/kit/abort';
import { failpoint } from '@frontier/kit/failpoint';
import type { Logger } from '@frontier/kit/logger';
import { Clone, type CloneOptions } from './clone.ts';
import { message, reasonSchema, sentenceOf, type Reason } from './commit-message.ts';
import {
  applyChange,
  environmentFileSchema,
  environmentName,
  modelName,
  parseFile,
  refusal,
  renderFile,
  type Change,
  type EnvironmentFile,
  type Release,
} from './environment-file.ts';

export type { Reason } from './commit-message.ts';
export type { Change, EnvironmentFile, Release } from './environment-file.ts';

/** An environment's file of one model, as the remote had it at a commit. */
export interface Placed {
  commit: string;
  file: EnvironmentFile;
}

export interface PromotionsOptions extends Omit<CloneOptions, 'signal'> {
  log: Logger;
  /** In the order in which a version goes through them; a version enters one only from the one before. */
  environments: readonly string[];
}

/** The model of an environment that a change is about. */
export interface Place {
  environment: string;
  model: string;
}

const MAX_ATTEMPTS = 10;
const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 2_000;

/**
 * The machine-owned files `envs/<environment>/models/<model>.yaml` of a remote Git repository. Each change is a
 * compare-and-swap: fetch, look, commit, push without force, at most 10 times. A change is known by its decision id:
 * made again, it gives the commit that is there.
 *
 * Throws CONFLICT with `details.reason` (a RefusalReason) when the file is not as the decision saw it, FORBIDDEN when
 * the remote refuses the push, UNAVAILABLE when it is gone or too busy (the outcome of a push may then be unknown: do
 * it again), INVALID_INPUT for names that cannot be, CANCELLED when the signal says so.
 */
export class Promotions {
  readonly #options: PromotionsOptions;
  readonly #clone: Clone;
  /** Changes of one process go one after the other: they share a clone. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: PromotionsOptions) {
    this.#options = options;
    this.#clone = new Clone(options);
  }

  /** What the remote says now; undefined: the environment has no such model. */
  read(place: Place, signal: AbortSignal): Promise<Placed | undefined> {
    return this.#alone(async () => {
      const commit = await this.#clone.fetch(signal);
      const file = await this.#file(commit, place, signal);
      return file && { commit, file };
    });
  }

  /**
   * Whether the remote's branch, as it was at `revision`, contains `commit`: what has been synced may be newer, because
   * another model has committed since.
   */
  contains(revision: string, commit: string, signal: AbortSignal): Promise<boolean> {
    return this.#alone(async () => {
      await this.#clone.fetch(signal);
      return this.#clone.contains(revision, commit, signal);
    });
  }

  /** The first file of a model, for what it serves already. */
  begin(place: Place, release: Release, reason: Reason, signal: AbortSignal): Promise<Placed> {
    return this.#change(place, { kind: 'begin', release }, '', reason, signal);
  }

  /** Makes `release` the candidate, or lets the shadow that it is become a canary. */
  propose(
    place: Place,
    release: Release & { mode: 'shadow' | 'canary' },
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    const { mode, version, digest } = release;
    return this.#change(place, { kind: 'propose', release: { version, digest }, mode }, expectedStable, reason, signal); // prettier-ignore
  }

  /** The canary `digest` becomes stable: the slots swap roles, and the old one stands by. */
  promote(
    place: Place,
    digest: string,
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    return this.#change(place, { kind: 'promote', digest }, expectedStable, reason, signal);
  }

  /** Takes `digest` away: a candidate, or a stable version whose predecessor stands by. Needs no approver. */
  rollback(
    place: Place,
    digest: string,
    block: boolean,
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    return this.#change(place, { kind: 'rollback', digest, block }, expectedStable, reason, signal);
  }

  /** The predecessor `digest`, which stood by after a promotion, may be unloaded. */
  settle(
    place: Place,
    digest: string,
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    return this.#change(place, { kind: 'settle', digest }, expectedStable, reason, signal);
  }

  unblock(
    place: Place,
    digest: string,
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    return this.#change(place, { kind: 'unblock', digest }, expectedStable, reason, signal);
  }

  /** What is stable in the environment before `place` becomes a shadow here. */
  async promoteEnvironment(
    place: Place,
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    const before = this.#before(place);
    if (!before) throw new AppError('INVALID_INPUT', `${place.environment} has no environment before it`);
    const source = await this.read(before, signal);
    if (!source) throw refusal('missing', `${before.environment} has no ${place.model}`);
    return this.propose(place, { ...source.file.stable, mode: 'shadow' }, expectedStable, reason, signal);
  }

  async #change(
    place: Place,
    change: Change,
    expectedStable: string,
    given: Reason,
    signal: AbortSignal,
  ): Promise<Placed> {
    // prettier-ignore
    const reason = checked(change, given);
    return this.#alone(async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        if (attempt > 0) await wait(attempt, signal);
        const placed = await this.#attempt(place, change, expectedStable, reason, signal);
        if (placed) return placed;
        this.#options.log.info({ ...place, decision: reason.decisionId, attempt }, 'git: pushed by another, again'); // prettier-ignore
      }
      throw new AppError('UNAVAILABLE', `the branch changed ${MAX_ATTEMPTS} times in a row: try again later`, { retryAfterS: 5 }); // prettier-ignore
    });
  }

  /** Undefined: somebody else was faster. */
  async #attempt(
    place: Place,
    change: Change,
    expectedStable: string,
    reason: Reason,
    signal: AbortSignal,
  ): Promise<Placed | undefined> {
    // prettier-ignore
    const head = await this.#clone.fetch(signal);
    const path = this.#pathOf(place);
    const sentence = sentenceOf(place, change);
    const made = await this.#clone.decided(head, path, reason.decisionId, signal);
    if (made) {
      if (made.subject !== sentence)
        throw refusal('decision-reused', `decision ${reason.decisionId} was another change: ${made.subject}`); // prettier-ignore
      const file = await this.#file(made.commit, place, signal);
      if (!file) throw refusal('file-invalid', `commit ${made.commit} has no ${path}`);
      return { commit: made.commit, file };
    }
    const file = await this.#after(head, place, change, expectedStable, reason, signal);
    const commit = await this.#clone.commit(head, path, renderFile(file), message(sentence, reason), signal);
    await failpoint('git.push.before', reason.decisionId);
    return (await this.#clone.push(commit, signal)) ? { commit, file } : undefined;
  }

  async #after(
    head: string,
    place: Place,
    change: Change,
    expectedStable: string,
    { decisionId }: Reason,
    signal: AbortSignal,
  ): Promise<EnvironmentFile> {
    // prettier-ignore
    const now = await this.#file(head, place, signal);
    const { environment, model } = place;
    if (change.kind === 'begin') {
      if (now) throw refusal('exists', `${environment} has ${model} already`);
      return environmentFileSchema.parse({ schema: 1, environment, model, stable: { ...change.release, slot: 'blue' }, candidate: null, blocked: [], decisionId }); // prettier-ignore
    }
    if (!now) throw refusal('missing', `${environment} has no ${model}: begin with what it serves`);
    const enters = change.kind === 'propose' && now.candidate?.digest !== change.release.digest;
    if (enters) await this.#mayEnter(head, place, change.release.digest, signal);
    return environmentFileSchema.parse({ ...applyChange(now, change, expectedStable), decisionId });
  }

  async #mayEnter(head: string, place: Place, digest: string, signal: AbortSignal): Promise<void> {
    const before = this.#before(place);
    if (!before) return;
    const file = await this.#file(head, before, signal);
    if (file?.stable.digest !== digest)
      throw refusal('not-stable-before', `${digest} is not stable in ${before.environment}: promote it there first`); // prettier-ignore
  }

  async #file(commit: string, place: Place, signal: AbortSignal): Promise<EnvironmentFile | undefined> {
    const path = this.#pathOf(place);
    const text = await this.#clone.show(commit, path, signal);
    return text === undefined ? undefined : parseFile(path, text, place.environment, place.model);
  }

  #before({ environment, model }: Place): Place | undefined {
    const before = this.#options.environments[this.#options.environments.indexOf(environment) - 1];
    return before === undefined ? undefined : { environment: before, model };
  }

  #pathOf({ environment, model }: Place): string {
    const env = environmentName.safeParse(environment);
    const name = modelName.safeParse(model);
    if (!env.success || !this.#options.environments.includes(environment))
      throw new AppError('INVALID_INPUT', `no such environment; there are: ${this.#options.environments.join(', ')}`); // prettier-ignore
    if (!name.success) throw new AppError('INVALID_INPUT', 'not a name of a model');
    return `envs/${env.data}/models/${name.data}.yaml`;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

const NEEDS_APPROVAL: ReadonlySet<Change['kind']> = new Set(['propose', 'promote', 'unblock']);

function checked(change: Change, reason: Reason): Reason {
  const parsed = reasonSchema.safeParse(reason);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] as (typeof parsed.error.issues)[number];
    throw new AppError('INVALID_INPUT', `reason.${path.join('.')}: ${message}`);
  }
  const { approvedBy, requestedBy } = parsed.data;
  if (approvedBy === null && NEEDS_APPROVAL.has(change.kind))
    throw new AppError('FORBIDDEN', `${change.kind} needs an approver`);
  if (approvedBy?.toLowerCase() === requestedBy.toLowerCase())
    throw new AppError('FORBIDDEN', `${requestedBy} asked for this and cannot approve it too`);
  return parsed.data;
}

async function wait(attempt: number, signal: AbortSignal): Promise<void> {
  const most = Math.min(FIRST_WAIT_MS * 2 ** attempt, MAX_WAIT_MS);
  if (!(await sleep(Math.random() * most, signal))) throw new AppError('CANCELLED', 'git: given up');
}
