import type { ExperimentReport } from '@frontier/contracts/experiment';
import type { TrafficView } from '@frontier/contracts/ports';
import type { ModelTraffic, ShadowReport } from '@frontier/contracts/traffic';

/** Traffic records that a test sets, and what was reported of shadows and experiments. */
export class FakeTraffic implements TrafficView {
  readonly reports: Array<{ id: string; report: ShadowReport }> = [];
  readonly experiments: Array<{ id: string; report: ExperimentReport }> = [];
  isFresh = true;
  readonly #onChange: (record: ModelTraffic) => void;
  readonly #records = new Map<string, ModelTraffic>();

  constructor(onChange: (record: ModelTraffic) => void) {
    this.#onChange = onChange;
  }

  /** What is not said is as it was before, or nothing. */
  set(record: Pick<ModelTraffic, 'model' | 'stable'> & Partial<ModelTraffic>): void {
    const { epoch, ...before } = this.#records.get(record.model) ?? NOTHING;
    const next = { ...before, epoch: epoch + 1, ...record };
    this.#records.set(record.model, next);
    this.#onChange(next);
  }

  get(model: string): ModelTraffic | undefined {
    return this.#records.get(model);
  }

  fresh(): boolean {
    return this.isFresh;
  }

  async reportShadow(id: string, report: ShadowReport): Promise<void> {
    this.reports.push({ id, report });
  }

  async reportExperiment(id: string, report: ExperimentReport): Promise<void> {
    this.experiments.push({ id, report });
  }
}

const NOTHING = { epoch: 0, blocked: [], rollout: null, shadow: null, experiment: null };
