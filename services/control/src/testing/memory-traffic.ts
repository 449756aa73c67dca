import { AppError } from '@frontier/contracts/errors';
import { modelTrafficSchema, type ModelTraffic, type ShadowReport } from '@frontier/contracts/traffic';
import type { TrafficSource } from '../traffic.ts';

/** Traffic records in memory, without Redis. */
export class MemoryTraffic implements TrafficSource {
  /** What all shadows have found. */
  report: ShadowReport = {
    results: { same: 0, different: 0, failed: 0, shed: 0, unpaired: 0 },
    difference: {},
    latency: { stable: {}, candidate: {} },
  };
  readonly #records = new Map<string, ModelTraffic>();

  async get(model: string): Promise<ModelTraffic | undefined> {
    return this.#records.get(model);
  }

  async put(next: Omit<ModelTraffic, 'epoch'>, expected: number): Promise<ModelTraffic> {
    const epoch = this.#records.get(next.model)?.epoch ?? 0;
    if (epoch !== expected) throw new AppError('CONFLICT', 'changed meanwhile');
    const record = modelTrafficSchema.parse({ ...next, epoch: epoch + 1 });
    this.#records.set(next.model, record);
    return record;
  }

  async shadow(): Promise<ShadowReport> {
    return this.report;
  }
}
