import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import { DECISION_TRAILER } from './commit-message.ts';
import { refusal } from './environment-file.ts';
import { Git, type GitCall, type GitResult } from './git.ts';
import { access, ASKPASS, checkRemote, type Remote } from './remote.ts';

export interface CloneOptions {
  remote: Remote;
  branch: string;
  /** Absolute path of a folder; `promotions` in it is for this object alone and holds nothing that the remote lacks. */
  folder: string;
  /** Of the commits. */
  author: { name: string; email: string };
  /** Of each call of `git`. */
  timeoutMs: number;
}

/** Where the remote's branch was at the last fetch. */
const HEAD = 'refs/frontier/head';
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const NO_ACCESS = /Authentication failed|Permission denied|returned error: 40[13]|Host key verification failed|could not read (?:Username|Password)/; // prettier-ignore
/** What a remote says when two push at once: not a refusal. */
const LOST_RACE = /\[rejected\]|cannot lock ref|failed to (?:lock|update ref)|incorrect old value|stale info|reference already exists/; // prettier-ignore

/**
 * A bare copy of one branch, and commits on top of it, made without a work tree. A call that was cut off may leave
 * locks and half a pack behind, so after any fault the copy is thrown away and fetched again.
 */
export class Clone {
  readonly #options: CloneOptions;
  readonly #git: Git;
  /** The only folder that is ever removed. */
  readonly #folder: string;
  readonly #repository: string;
  #sound = false;

  /** Throws INVALID_INPUT. */
  constructor(options: CloneOptions) {
    checkRemote(options.remote, options.branch);
    if (!isAbsolute(options.folder)) throw new AppError('INVALID_INPUT', 'git: the folder must be an absolute path'); // prettier-ignore
    const folder = join(options.folder, 'promotions');
    const { env, config } = access(options.remote, join(folder, 'askpass'));
    this.#options = options;
    this.#folder = folder;
    this.#repository = join(folder, 'repository.git');
    const { name, email } = options.author;
    const who = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email }; // prettier-ignore
    const own = { ...env, ...who, GIT_DIR: this.#repository, HOME: folder };
    this.#git = new Git(folder, options.timeoutMs, own, config);
  }

  /** The newest commit of the remote's branch. Throws UNAVAILABLE, or FORBIDDEN when it lets us not in. */
  async fetch(signal: AbortSignal): Promise<string> {
    const { remote, branch } = this.#options;
    if (!this.#sound) await this.#begin(signal);
    const result = await this.#run(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--', remote.url, `+refs/heads/${branch}:${HEAD}`], { signal }); // prettier-ignore
    if (/couldn't find remote ref/.test(result.stderr))
      throw new AppError('UNAVAILABLE', `git: the remote has no branch ${branch}: push a first commit to it`);
    if (result.code !== 0) throw this.#unreachable('fetch', result);
    return (await this.#must(['rev-parse', '--verify', `${HEAD}^{commit}`], { signal })).trim();
  }

  /** The text of a file at a commit; undefined when it has none. Throws CONFLICT when it is no plain file. */
  async show(commit: string, path: string, signal: AbortSignal): Promise<string | undefined> {
    const entry = await this.#must(['ls-tree', commit, '--', path], { signal });
    if (entry === '') return undefined;
    const [mode, , blob] = entry.split(/\s/);
    if (mode !== '100644' || blob === undefined) throw refusal('file-invalid', `${path} is not a plain file: repair it in Git`); // prettier-ignore
    return this.#must(['cat-file', 'blob', blob], { signal });
  }

  /** The commit that a decision made to a file before `head`. */
  async decided(
    head: string,
    path: string,
    decision: string,
    signal: AbortSignal,
  ): Promise<{ commit: string; subject: string } | undefined> {
    // prettier-ignore
    const pattern = `^${DECISION_TRAILER}: ${decision.replaceAll('.', String.raw`\.`)}$`;
    const args = ['log', '-1', '--format=%H %s', '--extended-regexp', `--grep=${pattern}`, head, '--', path];
    const line = (await this.#must(args, { signal })).trim();
    if (line === '') return undefined;
    const space = line.indexOf(' ');
    return { commit: line.slice(0, space), subject: line.slice(space + 1) };
  }

  /** A commit on top of `head` that changes one file. It is nowhere but here until it is pushed. */
  async commit(
    head: string,
    path: string,
    text: string,
    message: string,
    signal: AbortSignal,
  ): Promise<string> {
    // prettier-ignore
    const index = join(this.#folder, `index-${randomUUID()}`);
    const call = { signal, env: { GIT_INDEX_FILE: index } };
    try {
      const blob = (await this.#must(['hash-object', '-w', '--stdin'], { signal, input: text })).trim();
      await this.#must(['read-tree', head], call);
      await this.#must(['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], call);
      const tree = (await this.#must(['write-tree'], call)).trim();
      return (await this.#must(['commit-tree', tree, '-p', head, '-F', '-'], { signal, input: message })).trim(); // prettier-ignore
    } finally {
      await rm(index, { force: true });
    }
  }

  /** False when the branch is not where the commit begins any more. Never forces. */
  async push(commit: string, signal: AbortSignal): Promise<boolean> {
    const { remote, branch } = this.#options;
    const result = await this.#run(['push', '--porcelain', '--no-verify', '--no-signed', '--recurse-submodules=no', '--', remote.url, `${commit}:refs/heads/${branch}`], { signal }); // prettier-ignore
    if (result.code === 0) return true;
    const status = result.stdout.split('\n').find((line) => line.startsWith('!'));
    if (status === undefined) throw this.#unreachable('push', result);
    if (LOST_RACE.test(status)) return false;
    const said = result.stderr.split('\n').filter((line) => line.startsWith('remote:')).join(' '); // prettier-ignore
    throw new AppError('FORBIDDEN', `git: the remote refuses the commit: ${plain(`${status.split('\t')[2] ?? ''} ${said}`)}`); // prettier-ignore
  }

  /** Whether `commit` is `revision` or before it. False for commits that the branch does not have. */
  async contains(revision: string, commit: string, signal: AbortSignal): Promise<boolean> {
    if (!COMMIT.test(revision) || !COMMIT.test(commit)) throw new AppError('INVALID_INPUT', 'git: not a commit'); // prettier-ignore
    return (await this.#run(['merge-base', '--is-ancestor', commit, revision], { signal })).code === 0;
  }

  async #begin(signal: AbortSignal): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(join(this.#folder, 'askpass'), ASKPASS, { mode: 0o700 });
    await this.#must(['init', '--quiet', '--bare', '--template=', this.#repository], { signal });
    this.#sound = true;
  }

  async #run(args: readonly string[], call: GitCall): Promise<GitResult> {
    try {
      return await this.#git.run(args, call);
    } catch (error) {
      this.#sound = false;
      throw error;
    }
  }

  async #must(args: readonly string[], call: GitCall): Promise<string> {
    const result = await this.#run(args, call);
    if (result.code === 0) return result.stdout;
    this.#sound = false;
    throw new AppError('UNAVAILABLE', `git ${args[0]} failed: ${plain(result.stderr)}`, { retryAfterS: 5 });
  }

  #unreachable(what: string, { stderr }: GitResult): AppError {
    this.#sound = false;
    if (NO_ACCESS.test(stderr))
      return new AppError('FORBIDDEN', `git ${what}: the remote does not let us in: ${plain(stderr)}`);
    return new AppError('UNAVAILABLE', `git ${what}: the remote cannot be reached: ${plain(stderr)}`, { retryAfterS: 5 }); // prettier-ignore
  }
}

/** What `git` said, as one short line. */
function plain(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 500); // prettier-ignore
}
