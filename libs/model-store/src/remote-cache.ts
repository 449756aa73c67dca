import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { versionKey } from '@frontier/contracts/model-spec';
import { removeAbandoned } from './abandoned.ts';
import type { ModelRepository, VersionName } from './model-repository.ts';
import type { ModelFault } from './repository.ts';
import { verifyVersion, type Trust } from './verify.ts';

const MAX_DELAY_MS = 10 * 60_000;
const LIST_MS = 10_000;

interface Failure {
  reason: string;
  /** Not tried again before (monotonic ms). */
  notBefore: number;
  delayMs: number;
}

/**
 * The versions of a remote repository in a local folder. Each is fetched once, into a hidden folder, verified there
 * and renamed: what has its name is whole. What was fetched stays the same whatever the remote says later, and can
 * be served while the remote is away. Nothing is deleted.
 */
export class RemoteCache {
  readonly folder: string;
  readonly #remote: ModelRepository;
  readonly #trust: Trust;
  readonly #everyMs: number;
  readonly #failures = new Map<string, Failure>();
  #faults: readonly ModelFault[] = [];
  #running: Promise<void> | undefined;
  /** Undefined: the remote has not answered yet. */
  #listed: Set<string> | undefined;

  constructor(remote: ModelRepository, cache: string, trust: Trust, everyMs: number) {
    this.#remote = remote;
    this.#trust = { ...trust, requireManifest: true };
    this.#everyMs = everyMs;
    // A folder for each remote: one must not pass its versions off as another's.
    this.folder = join(cache, createHash('sha256').update(remote.location).digest('hex').slice(0, 16));
  }

  /** Whether the remote still has it. */
  shows(version: VersionName): boolean {
    return this.#listed?.has(versionKey(version)) ?? true;
  }

  /** What went wrong last. */
  get faults(): readonly ModelFault[] {
    return this.#faults;
  }

  /** Fetches what is new; what fails is tried again later, ever more rarely. One runs at a time; once aborted none begins. Never rejects. */
  refresh(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return this.#running ?? Promise.resolve();
    this.#running ??= this.#update(signal)
      .catch((error: Error) => [{ path: this.#remote.location, reason: error.message }])
      .then((faults) => {
        this.#faults = faults;
        this.#running = undefined;
      });
    return this.#running;
  }

  async #update(signal: AbortSignal): Promise<ModelFault[]> {
    await mkdir(this.folder, { recursive: true });
    const versions = await this.#remote.list(AbortSignal.any([signal, AbortSignal.timeout(LIST_MS)]));
    this.#listed = new Set(versions.map(versionKey));
    for (const key of this.#failures.keys()) if (!this.#listed.has(key)) this.#failures.delete(key);
    for (const version of versions) if (!signal.aborted) await this.#fetchOnce(version, signal);
    return [...this.#failures].map(([key, { reason }]) => ({ path: `${this.#remote.location} ${key}`, reason })); // prettier-ignore
  }

  async #fetchOnce(version: VersionName, signal: AbortSignal): Promise<void> {
    const key = versionKey(version);
    const failure = this.#failures.get(key);
    if (failure && performance.now() < failure.notBefore) return;
    try {
      if (!NAME.test(version.name) || !NAME.test(version.version)) throw new Error('not a name of a version');
      if (!(await exists(join(this.folder, version.name, version.version))))
        await this.#fetch(version, signal);
      this.#failures.delete(key);
    } catch (error) {
      const delayMs = Math.min(MAX_DELAY_MS, failure ? 2 * failure.delayMs : this.#everyMs);
      const notBefore = performance.now() + delayMs;
      this.#failures.set(key, { reason: (error as Error).message, notBefore, delayMs });
    }
  }

  async #fetch({ name, version }: VersionName, signal: AbortSignal): Promise<void> {
    const hidden = join(this.folder, name, `.${randomUUID()}`);
    await mkdir(hidden, { recursive: true });
    try {
      await removeAbandoned(join(this.folder, name));
      await this.#remote.fetch(name, version, hidden, signal);
      await verifyVersion(hidden, this.#trust);
      await rename(hidden, join(this.folder, name, version));
    } catch (error) {
      await rm(hidden, { recursive: true, force: true });
      const { code } = error as NodeJS.ErrnoException;
      // Another process fetched it meanwhile.
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }
}

/** Wider than the schema of versions, which is checked later: only what may be a folder's name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
