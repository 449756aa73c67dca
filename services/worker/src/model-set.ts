import { versionKey } from '@frontier/contracts/model-spec';
import { sleep } from '@frontier/kit/abort';
import type { Logger } from '@frontier/kit/logger';
import { footprintOf, type Footprint } from '@frontier/model-runtime/footprint';
import type { StoredModel } from '@frontier/model-store/repository';
import type { Offer, ReadyModel } from './loading.ts';

/** A wish counts for so long; a dispatcher repeats it about every 2 s while somebody waits. */
const WISH_MS = 10_000;
const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
/** After it was taken from the offer: what a dispatcher had sent before it heard of that has come by then. */
const ON_THE_WAY_MS = 1_000;
const DRAIN_POLL_MS = 20;

export interface ModelSetOptions {
  /** Memory of all loaded versions, bytes, by estimate. */
  budget: number;
  /** A version that ran nothing for so long may be unloaded for another. */
  idleMs: number;
  load: (model: StoredModel) => Promise<ReadyModel>;
  /** What is offered has changed. */
  onChange: () => void;
  onLoadFailed: (model: StoredModel) => void;
  onUnloaded: (ready: ReadyModel) => void;
  log: Logger;
}

interface Version extends Footprint {
  model: StoredModel;
  /** `failed`: until its files change. */
  state: 'cold' | 'loading' | 'ready' | 'unloading' | 'failed';
  ready: ReadyModel | undefined;
  /** Not in the repository any more. */
  gone: boolean;
  /** How many newer versions of its model there are. */
  rank: number;
  wantedAt: number;
  failures: number;
  notBefore: number;
}

/**
 * The versions that this worker knows, and those of them that are loaded: all of the repository within the memory
 * budget, the newest versions first; what does not fit is loaded when a dispatcher wants it, in the place of versions
 * that have been idle for longest.
 */
export class ModelSet {
  readonly #options: ModelSetOptions;
  readonly #versions = new Map<string, Version>();
  /** Loaded, those that are unloading included: what is on its way to them is still run. */
  readonly #ready = new Map<string, ReadyModel>();
  readonly #busy = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #retry: NodeJS.Timeout | undefined;

  constructor(options: ModelSetOptions) {
    this.#options = options;
  }

  get(key: string): ReadyModel | undefined {
    return this.#ready.get(key);
  }

  all(): ReadyModel[] {
    return [...this.#ready.values()];
  }

  /** What dispatchers may send work for. */
  offers(): Offer[] {
    return [...this.#versions.values()].flatMap(({ state, ready }) =>
      state === 'ready' && ready ? [ready.offer] : [],
    );
  }

  /** By estimate: loaded, loading, and not yet unloaded. */
  get usedBytes(): number {
    return sum([...this.#versions.values()].filter(takesMemory));
  }

  /** Resolves when nothing is being loaded or unloaded. */
  async settled(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy);
  }

  /** These are all versions that there are from now on. Resolves when it is known what is to be done about it. */
  async update(models: readonly StoredModel[]): Promise<void> {
    const keys = new Set(models.map(({ spec }) => versionKey(spec)));
    const found = await Promise.all(models.map((model) => this.#measure(model)));
    for (const { model, footprint } of found.flatMap((one) => one ?? [])) this.#see(model, footprint);
    for (const [key, version] of this.#versions) version.gone = !keys.has(key);
    rank([...this.#versions.values()].filter(({ gone }) => !gone));
    this.#reconcile();
  }

  /** A dispatcher has requests for it, and no worker. What is not known here is another's. */
  want(model: { name: string; version: string }): void {
    const version = this.#versions.get(versionKey(model));
    if (!version) return;
    version.wantedAt = performance.now();
    this.#reconcile();
  }

  /** To be called when no more work comes. */
  async close(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#retry);
    await this.settled();
    await Promise.all(this.all().map(({ loaded }) => loaded.close()));
  }

  /** Undefined: its files are damaged. What is loaded of it stays. */
  async #measure(model: StoredModel): Promise<{ model: StoredModel; footprint: Footprint } | undefined> {
    try {
      return { model, footprint: await footprintOf(model) };
    } catch (error) {
      this.#options.log.warn(
        { model: versionKey(model.spec), err: error },
        'files of a model cannot be read',
      );
      return undefined;
    }
  }

  #see(model: StoredModel, footprint: Footprint): void {
    const key = versionKey(model.spec);
    const known = this.#versions.get(key);
    if (!known) {
      const fresh = { state: 'cold', ready: undefined, gone: false, rank: 0 } as const;
      this.#versions.set(key, { ...fresh, model, ...footprint, wantedAt: -Infinity, failures: 0, notBefore: 0 }); // prettier-ignore
    } else if (!takesMemory(known)) {
      if (known.fingerprint !== footprint.fingerprint) known.state = 'cold';
      Object.assign(known, { model, ...footprint });
    }
  }

  /** Begins all that is to be done now. May be called at any time. */
  #reconcile(): void {
    if (this.#stopping.signal.aborted) return;
    for (const [key, version] of this.#versions) {
      if (!version.gone) continue;
      if (version.state === 'ready') this.#track(this.#unload(key, version));
      else if (!takesMemory(version)) this.#versions.delete(key);
    }
    const now = performance.now();
    this.#reconcileAt(now);
    for (const version of this.#queue(now)) {
      if (this.usedBytes + version.bytes <= this.#options.budget) this.#track(this.#load(version));
      else if (version.bytes > this.#options.budget) this.#refuse(version);
      else if (isWanted(version, now)) {
        this.#makeRoom(version, now);
        // What is free is kept for it: what nobody asked for must not take it.
        return;
      }
    }
  }

  /** Once more when the first of those that failed may be tried again. */
  #reconcileAt(now: number): void {
    clearTimeout(this.#retry);
    const later = this.#cold().flatMap(({ notBefore }) => (notBefore > now ? [notBefore] : []));
    if (later.length === 0) return;
    this.#retry = setTimeout(() => this.#reconcile(), Math.min(...later) - now + 1);
  }

  #cold(): Version[] {
    return [...this.#versions.values()].filter(({ state, gone }) => state === 'cold' && !gone);
  }

  /** What may be loaded: first what somebody waits for; newer before older versions. */
  #queue(now: number): Version[] {
    const cold = this.#cold().filter(({ notBefore }) => notBefore <= now);
    return cold.sort((a, b) => Number(isWanted(b, now)) - Number(isWanted(a, now)) || a.rank - b.rank);
  }

  async #load(version: Version): Promise<void> {
    const { load, onChange, onLoadFailed, log } = this.#options;
    version.state = 'loading';
    // The wish is granted: once unloaded again, it must not push out what others use.
    version.wantedAt = -Infinity;
    try {
      const ready = await load(version.model);
      version.ready = ready;
      version.state = 'ready';
      version.failures = 0;
      this.#ready.set(versionKey(version.model.spec), ready);
      onChange();
    } catch (error) {
      log.error({ model: versionKey(version.model.spec), err: error }, 'a model cannot be loaded; it is tried again when its files change'); // prettier-ignore
      this.#fail(version);
      onLoadFailed(version.model);
    }
  }

  #refuse(version: Version): void {
    const { budget, log, onLoadFailed } = this.#options;
    log.error({ model: versionKey(version.model.spec), bytes: version.bytes, budget }, 'a model needs more than MODEL_MEMORY_BYTES'); // prettier-ignore
    this.#fail(version);
    onLoadFailed(version.model);
  }

  /** Whoever writes its files again and again must not keep this worker loading. */
  #fail(version: Version): void {
    const backoff = Math.min(BACKOFF_MIN_MS * 2 ** version.failures, BACKOFF_MAX_MS);
    version.failures += 1;
    version.state = 'failed';
    version.notBefore = performance.now() + backoff;
  }

  /** Unloads what has been idle for longest, as much as is needed; nothing when that is not enough. */
  #makeRoom(version: Version, now: number): void {
    const { budget, idleMs } = this.#options;
    const all = [...this.#versions.entries()];
    const leaving = sum(all.flatMap(([, one]) => (one.state === 'unloading' ? [one] : [])));
    let missing = this.usedBytes - leaving + version.bytes - budget;
    const idle = all
      .filter(
        ([, { state, ready }]) => state === 'ready' && ready?.underWay === 0 && now - ready.usedAt >= idleMs,
      ) // prettier-ignore
      .sort(([, a], [, b]) => (a.ready?.usedAt ?? 0) - (b.ready?.usedAt ?? 0));
    if (sum(idle.map(([, one]) => one)) < missing) return;
    for (const [key, one] of idle) {
      if (missing <= 0) return;
      missing -= one.bytes;
      this.#track(this.#unload(key, one));
    }
  }

  /** Nothing more is sent to it once it is not offered; what it has ends first. */
  async #unload(key: string, version: Version): Promise<void> {
    const { onChange, onUnloaded, log } = this.#options;
    const ready = version.ready as ReadyModel;
    version.state = 'unloading';
    onChange();
    const { signal } = this.#stopping;
    const began = performance.now();
    const rests = () =>
      ready.underWay === 0 && performance.now() - Math.max(ready.usedAt, began) >= ON_THE_WAY_MS;
    while (!rests()) if (!(await sleep(DRAIN_POLL_MS, signal))) return;
    this.#ready.delete(key);
    await ready.loaded.close();
    version.ready = undefined;
    version.state = 'cold';
    log.info({ model: key }, 'model unloaded');
    onUnloaded(ready);
  }

  #track(work: Promise<void>): void {
    this.#busy.add(work);
    void work.finally(() => {
      this.#busy.delete(work);
      this.#reconcile();
    });
  }
}

function takesMemory({ state }: Version): boolean {
  return state === 'loading' || state === 'ready' || state === 'unloading';
}

function isWanted({ wantedAt }: Version, now: number): boolean {
  return now - wantedAt < WISH_MS;
}

function sum(versions: readonly Version[]): number {
  return versions.reduce((total, { bytes }) => total + bytes, 0);
}

const collator = new Intl.Collator('en', { numeric: true });

/** 0 for the newest version of each model, 1 for the one before it, and so on. */
function rank(versions: readonly Version[]): void {
  const seen = new Map<string, number>();
  const newestFirst = [...versions].sort((a, b) =>
    collator.compare(b.model.spec.version, a.model.spec.version),
  );
  for (const version of newestFirst) {
    const { name } = version.model.spec;
    version.rank = seen.get(name) ?? 0;
    seen.set(name, version.rank + 1);
  }
}
