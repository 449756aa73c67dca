import { AppError } from '@frontier/contracts/errors';
import type { VersionRecord, VersionState } from '@frontier/contracts/registry';
import type { Rollout } from '@frontier/contracts/rollout';
import { MAX_BLOCKED, type ModelTraffic } from '@frontier/contracts/traffic';
import type { Tools } from './ports.ts';
import { unblockedBy } from './unblocked.ts';

const LOOK_MS = 60_000;
/** Rows have their cards with them. */
const PAGE = 50;
/** After as many a pass is given up: each may have taken its whole deadline. */
const MAX_FAILURES = 10;

type Needs = Pick<Tools, 'registry' | 'rollouts' | 'audit' | 'metrics' | 'log'> & {
  traffic: Pick<Tools['traffic'], 'get' | 'put'>;
};

/**
 * Makes the traffic records of models that no rollout runs for agree with the database, at the start of a term and
 * every minute. A rollout keeps its own record right until it has ended; when Redis loses it afterwards, a gateway that
 * starts would serve the highest version, which may be the one that was just rolled back; and a record from before the
 * end would give a canary traffic that nobody watches.
 */
export class Restorer {
  readonly #tools: Needs;
  readonly #open: ReadonlyMap<string, Rollout>;
  readonly #mayAct: () => boolean;
  #dueAt = -Infinity;
  #pass: Promise<void> | undefined;
  #failures = 0;
  /** Kinds of errors that were logged and have not gone away. */
  readonly #told = new Set<string>();
  #digests = new Set<string>();
  /** By model: the epoch whose blocked versions are those of `#digests`. */
  readonly #checked = new Map<string, number>();

  /** `open`: rollouts that run, or whose end is not done yet, by id. */
  constructor(tools: Needs, open: ReadonlyMap<string, Rollout>, mayAct: () => boolean) {
    this.#tools = tools;
    this.#open = open;
    this.#mayAct = mayAct;
  }

  /** Begins a pass if it is time to. */
  look(): void {
    if (this.#pass || performance.now() < this.#dueAt) return;
    this.#dueAt = performance.now() + LOOK_MS;
    this.#pass = this.#all().finally(() => {
      this.#pass = undefined;
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#pass;
  }

  async #all(): Promise<void> {
    this.#failures = 0;
    try {
      await this.#readDigests();
      for await (const { model } of this.#versions({ state: 'production' })) {
        if (!this.#mayAct() || this.#failures >= MAX_FAILURES) return;
        await this.#restore(model).catch((error: unknown) => this.#failed(model, error));
      }
    } catch (error) {
      this.#failed('*', error);
    }
    if (this.#failures === 0) this.#told.clear();
  }

  async #restore(model: string): Promise<void> {
    const { registry, traffic, rollouts, log } = this.#tools;
    // First the record: what a rollout or a person does after these questions makes the write below fail.
    const found = await traffic.get(model);
    const [running] = (await rollouts.list({ model, running: true }, 1)).items;
    const named = found?.rollout?.id;
    const isLeft = named !== undefined && named !== running?.id && !this.#open.has(named);
    const isBusy = running !== undefined || [...this.#open.values()].some((one) => one.model === model);
    if (isBusy && !isLeft) return;
    const blocked = await this.#blockedOf(model, found);
    const areSame = blocked.join() === found?.blocked.join();
    if (found && areSame) this.#checked.set(model, found.epoch);
    const [production] = (await registry.versions({ model, state: 'production' }, 1)).items;
    if (!production) return;
    // A blocked one would not be served: what was, is better.
    const stable = found && blocked.includes(production.version) ? found.stable : production.version;
    if (found && areSame && !isLeft && stable === found.stable) return;
    const { shadow, experiment } = found ?? { shadow: null, experiment: null };
    if (!this.#mayAct()) return;
    const { epoch } = await traffic.put(
      { model, stable, blocked, rollout: null, shadow, experiment },
      found?.epoch ?? 0,
    );
    log.warn({ model, epoch, stable, blocked, was: found ?? null }, 'a traffic record was not as the database says: restored'); // prettier-ignore
  }

  /** Those that the database blocks are added, those that somebody has unblocked are taken out. */
  async #blockedOf(model: string, found: ModelTraffic | undefined): Promise<string[]> {
    const before = new Set(found?.blocked);
    const isKnown = found !== undefined && this.#checked.get(model) === found.epoch;
    if (isKnown || (before.size === 0 && this.#digests.size === 0)) return [...before];
    const missing: string[] = [];
    for await (const { version, digest } of this.#versions({ model })) {
      if (this.#digests.has(digest)) {
        if (!before.has(version)) missing.push(version);
      } else if (before.has(version) && (await unblockedBy(this.#tools.audit, digest)) !== undefined) {
        before.delete(version);
      }
    }
    // In front: where there is no room they stay out, instead of pushing out others at each look.
    return [...missing, ...before].slice(-MAX_BLOCKED);
  }

  async #readDigests(): Promise<void> {
    const now = new Set(await this.#tools.rollouts.blocked());
    if ([...now].join() !== [...this.#digests].join()) this.#checked.clear();
    this.#digests = now;
  }

  async *#versions(filter: { model?: string; state?: VersionState }): AsyncGenerator<VersionRecord> {
    let cursor: string | undefined;
    do {
      const page = await this.#tools.registry.versions(filter, PAGE, cursor);
      yield* page.items;
      cursor = page.next;
    } while (cursor !== undefined && this.#mayAct());
  }

  #failed(model: string, error: unknown): void {
    const { metrics, log } = this.#tools;
    // Somebody else has changed it: looked at again next time.
    if (error instanceof AppError && error.code === 'CONFLICT') return;
    this.#failures += 1;
    metrics.failures.inc({ model, effect: 'restore' });
    const kind = error instanceof AppError ? error.code : (error as Error).name;
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    log.error({ model, err: error }, 'a traffic record could not be compared with the database; tried again');
  }
}
