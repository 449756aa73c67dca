import { access as readable } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { versionKey } from '@frontier/contracts/model-spec';
import { FolderVersions } from './folder-versions.ts';
import type { ModelRepository } from './model-repository.ts';
import { RemoteCache } from './remote-cache.ts';
import type { Repository, StoredModel } from './repository.ts';
import { TRUST_FILES, type Trust } from './verify.ts';

export interface RepositoryOptions {
  /** Local folders `<folder>/<name>/<version>/`; where two have the same version the first one counts. */
  folders: readonly string[];
  /** Time between the end of one look and the next. */
  everyMs: number;
  /** Fetched, verified and then shown like local folders, after them. */
  remotes?: readonly ModelRepository[];
  /** Where versions of `remotes` are kept; needed with them. Processes may share it. */
  cache?: string;
  trust?: Trust;
}

/**
 * Keeps an eye on folders and remote repositories and says what can be served. A version is shown only when it is
 * whole and verified; one that was shown and is then damaged or replaced stays as it was, with a fault, so that
 * what is loaded goes on serving (`verifyUnchanged` refuses its files); one whose folder is removed goes.
 */
export class RepositoryWatcher {
  readonly #options: RepositoryOptions;
  readonly #onChange: (repository: Repository) => void | Promise<void>;
  readonly #versions: FolderVersions;
  readonly #remotes: RemoteCache[];
  readonly #stopping = new AbortController();
  #watching: Promise<void> | undefined;
  #last = '';

  constructor(options: RepositoryOptions, onChange: (repository: Repository) => void | Promise<void>) {
    const { remotes = [], cache, trust = TRUST_FILES, everyMs } = options;
    if (remotes.length > 0 && cache === undefined) throw new Error('remote repositories need a cache folder');
    this.#options = options;
    this.#onChange = onChange;
    this.#versions = new FolderVersions(trust);
    this.#remotes = remotes.map((remote) => new RemoteCache(remote, cache ?? '', trust, everyMs));
  }

  /**
   * The first look, and one more where files are so new that they may still be being written. Throws when a local
   * folder cannot be read. Later changes go to `onChange`, one at a time.
   */
  async start(): Promise<Repository> {
    for (const folder of this.#options.folders) await readable(folder);
    await this.#refresh();
    let { repository, pending } = await this.#look(Date.now() - this.#options.everyMs);
    if (pending) {
      await delay(this.#options.everyMs, undefined, { signal: this.#stopping.signal });
      ({ repository, pending } = await this.#look(0));
    }
    this.#last = this.#textOf(repository);
    this.#watching = this.#watch();
    return repository;
  }

  /** When it resolves, `onChange` has been called for the last time. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#watching, this.#refresh()]);
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await delay(this.#options.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      // Not waited for: a long transfer must not keep local folders from being looked at.
      void this.#refresh();
      const { repository } = await this.#look(0);
      const text = this.#textOf(repository);
      if (text === this.#last || signal.aborted) continue;
      this.#last = text;
      await this.#onChange(repository);
    }
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#remotes.map((remote) => remote.refresh(this.#stopping.signal)));
  }

  async #look(quietSince: number): Promise<{ repository: Repository; pending: boolean }> {
    const repository: Repository = { models: [], faults: [] };
    const seen = new Set<string>();
    let pending = false;
    const add = async (folder: string, shows: (model: StoredModel) => boolean) => {
      const found = await this.#versions.look(folder, quietSince);
      pending ||= found.pending;
      repository.faults.push(...found.faults);
      for (const model of found.models.filter(shows)) {
        const key = versionKey(model.spec);
        if (seen.has(key))
          repository.faults.push({ path: model.dir, reason: 'this version also lies in an earlier folder' }); // prettier-ignore
        else repository.models.push(model);
        seen.add(key);
      }
    };
    for (const folder of this.#options.folders) await add(folder, () => true);
    for (const remote of this.#remotes) {
      repository.faults.push(...remote.faults);
      await add(remote.folder, (model) => remote.shows(model.spec));
    }
    return { repository, pending };
  }

  /** What `onChange` is interested in: a version that was replaced between two looks, too. */
  #textOf({ models, faults }: Repository): string {
    return JSON.stringify([models, faults, this.#versions.reads]);
  }
}
