import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '@frontier/kit/abort';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import { remoteAccess } from '@frontier/model-store/settings';
import { Counter, Gauge } from 'prom-client';
import { Archive } from './archive.ts';
import type { BackupConfig } from './config.ts';
import { copyVersions, modelCopies, repositoryAt } from './models.ts';

const TICK_MS = 5_000;
const MODELS_MS = 60_000;

/**
 * Tends what the dumpers beside it write: checksums, rotation, copies of models, and tells Prometheus how old the
 * newest dump of each part is.
 */
export class Keeper implements Service {
  readonly #config: BackupConfig;
  readonly #context: ServiceContext;
  readonly #archives: Array<{ part: string; archive: Archive }>;
  readonly #newest: Gauge<'part'>;
  readonly #bytes: Gauge<'part'>;
  readonly #failures: Counter<'part'>;
  #running: Promise<unknown> | undefined;
  #late: string | undefined = 'no dump was looked at yet';

  constructor(config: BackupConfig, context: ServiceContext) {
    this.#config = config;
    this.#context = context;
    this.#archives = config.backupParts.map((part) => ({
      part,
      archive: new Archive(config.backupFolder, part),
    }));
    const common = { labelNames: ['part'] as const, registers: [context.registry] };
    this.#newest = new Gauge({ ...common, name: 'backup_newest_timestamp_seconds', help: 'When the newest dump was begun, Unix time; 0: there is none' }); // prettier-ignore
    this.#bytes = new Gauge({ ...common, name: 'backup_bytes', help: 'Bytes of the dumps that are kept' });
    this.#failures = new Counter({ ...common, name: 'backup_failures_total', help: 'Dumps, copies or rotations that failed' }); // prettier-ignore
  }

  async start(): Promise<void> {
    for (const folder of [...this.#config.backupParts, 'models']) {
      await mkdir(join(this.#config.backupFolder, folder), { recursive: true });
      this.#failures.inc({ part: folder }, 0);
    }
    const loops = [this.#loop(TICK_MS, () => this.#tend())];
    if (this.#config.backupModels) loops.push(this.#loop(MODELS_MS, () => this.#copyModels()));
    this.#running = Promise.all(loops);
  }

  /** Not ready: something is overdue. Nothing calls it; it shows in `kubectl get pods`. */
  ready(): true | string {
    return this.#late ?? true;
  }

  async stop(): Promise<void> {
    await this.#running;
  }

  async #loop(everyMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#context;
    do await work();
    while (await sleep(everyMs, signal));
  }

  async #tend(): Promise<void> {
    const { backupKeepNewest: newest, backupKeepHours: hours, backupKeepDays: days } = this.#config;
    const late: string[] = [];
    for (const { part, archive } of this.#archives) {
      try {
        const dumps = await archive.tend({ newest, hours, days });
        const at = dumps[0]?.at ?? 0;
        this.#newest.set({ part }, at / 1_000);
        this.#bytes.set({ part }, dumps.reduce((sum, dump) => sum + dump.bytes, 0)); // prettier-ignore
        // The first one needs tables, which may be made only when everything is ready.
        if (at > 0 && Date.now() - at > this.#config.backupMaxAgeMs) late.push(part);
      } catch (error) {
        this.#failures.inc({ part });
        this.#context.log.error({ err: error, part }, 'the dumps could not be tended');
      }
    }
    this.#late = late.length === 0 ? undefined : `late: ${late.join(', ')}`;
  }

  async #copyModels(): Promise<void> {
    const { backupFolder, modelRepository } = this.#config;
    const { log, signal } = this.#context;
    const copies = modelCopies(backupFolder);
    for (const place of modelRepository) {
      try {
        const from = repositoryAt(place, remoteAccess(this.#config));
        const { copied, faults } = await copyVersions(from, copies, join(backupFolder, 'work'), signal);
        for (const version of copied) log.info({ version }, 'copied a version');
        for (const fault of faults) log.error({ fault }, 'a version could not be copied');
        this.#failures.inc({ part: 'models' }, faults.length);
      } catch (error) {
        if (signal.aborted) return;
        this.#failures.inc({ part: 'models' });
        log.error({ err: error, place }, 'the models could not be copied');
      }
    }
  }
}
