import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { driftReferenceSchema, type DriftReference } from '@frontier/contracts/drift';
import { versionKey } from '@frontier/contracts/model-spec';
import { decodeTensors } from '@frontier/contracts/tensor';
import type { Logger } from '@frontier/kit/logger';
import type { StoredModel } from '@frontier/model-store/repository';
import { DriftMonitor, type DriftPolicy, type DriftVerdict } from '@frontier/policy/drift-monitor';
import { summarise } from '@frontier/policy/drift-summary';
import { Gauge, type Registry } from 'prom-client';

const FILE = 'reference.json';
const MAX_FILE_BYTES = 1024 * 1024;

export interface DriftOptions {
  /** Of the answered requests of a version each such one is looked at. */
  every: number;
  policy: DriftPolicy;
  registry: Registry;
  log: Logger;
}

interface Watched {
  model: string;
  version: string;
  features: string[];
  monitor: DriftMonitor;
  answered: number;
}

type FeatureGauge = Gauge<'model' | 'version' | 'feature'>;

/**
 * Looks at each n-th answered request of the versions that have a `reference.json`, and tells Prometheus how far their
 * inputs and predictions are from it. A request that is not looked at costs a look into a map.
 */
export class DriftSampler {
  readonly #options: DriftOptions;
  readonly #gauges: Record<'psi' | 'distance' | 'jensenShannon' | 'alarm', FeatureGauge>;
  #watched = new Map<string, Watched>();

  constructor(options: DriftOptions) {
    const gauge = (name: string, help: string): FeatureGauge =>
      new Gauge({ name, help, labelNames: ['model', 'version', 'feature'], registers: [options.registry] });
    this.#options = options;
    this.#gauges = {
      psi: gauge('drift_psi', 'Population stability index of the last window against the reference'),
      distance: gauge('drift_ks_distance', 'Kolmogorov-Smirnov distance of the last window to the reference'),
      jensenShannon: gauge('drift_js_divergence', 'Jensen-Shannon divergence of the last window from the reference, bits'), // prettier-ignore
      alarm: gauge('drift_alarm', '1 after two windows in a row that drifted, until two calm ones'),
    };
  }

  /** Watches these versions and no others; what is known of one that stays is kept. A wrong file is logged. */
  async watch(models: readonly StoredModel[]): Promise<void> {
    const next = new Map<string, Watched>();
    for (const stored of models) {
      const key = versionKey(stored.spec);
      const known = this.#watched.get(key) ?? (await this.#begin(stored));
      if (known) next.set(key, known);
    }
    for (const [key, watched] of this.#watched) if (!next.has(key)) this.#forget(watched);
    this.#watched = next;
  }

  /** A version has answered; both arguments as `encodeTensors` made them. Never throws. */
  answered(model: string, version: string, payload: Uint8Array, outputs: Uint8Array): void {
    if (this.#watched.size === 0) return;
    const watched = this.#watched.get(`${model}@${version}`);
    if (!watched) return;
    watched.answered += 1;
    if (watched.answered % this.#options.every !== 0) return;
    try {
      const values = summarise(decodeTensors(payload), outputs.length === 0 ? [] : decodeTensors(outputs));
      for (const verdict of watched.monitor.add(performance.now(), values)) this.#tell(watched, verdict);
    } catch (error) {
      this.#options.log.error({ model, version, err: error }, 'drift: an answer could not be looked at');
    }
  }

  async #begin({ spec, dir }: StoredModel): Promise<Watched | undefined> {
    const { name: model, version } = spec;
    try {
      const reference = await readReference(join(dir, FILE));
      const monitor = reference && new DriftMonitor(reference, this.#options.policy);
      return monitor && { model, version, features: Object.keys(reference.features), monitor, answered: 0 };
    } catch (error) {
      this.#options.log.warn({ model, version, err: error }, 'drift: reference.json is left out');
      return undefined;
    }
  }

  #tell({ model, version }: Watched, verdict: DriftVerdict): void {
    const { feature, psi, distance, jensenShannon, drifted, alarm } = verdict;
    const labels = { model, version, feature };
    this.#gauges.psi.set(labels, psi);
    this.#gauges.distance.set(labels, distance);
    this.#gauges.jensenShannon.set(labels, jensenShannon);
    this.#gauges.alarm.set(labels, alarm ? 1 : 0);
    if (drifted) this.#options.log.warn({ model, version, ...verdict }, 'drift: a window is far from the reference'); // prettier-ignore
  }

  #forget({ model, version, features }: Watched): void {
    for (const gauge of Object.values(this.#gauges))
      for (const feature of features) gauge.remove({ model, version, feature });
  }
}

async function readReference(path: string): Promise<DriftReference | undefined> {
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) return undefined;
  if (size > MAX_FILE_BYTES) throw new Error(`${FILE}: over ${MAX_FILE_BYTES} bytes`);
  return driftReferenceSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}
