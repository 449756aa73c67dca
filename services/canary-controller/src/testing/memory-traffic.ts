import { AppError } from '@frontier/contracts/errors';
import { modelTrafficSchema, type ModelTraffic } from '@frontier/contracts/traffic';
import type { Tools } from '../ports.ts';

type Store = Tools['traffic'];

/** Traffic records in memory, and every record that there ever was. */
export class MemoryTraffic implements Store {
  readonly history: ModelTraffic[] = [];
  /** Thrown by `put`. */
  fault: Error | undefined;
  readonly #records = new Map<string, ModelTraffic>();

  async get(model: string): Promise<ModelTraffic | undefined> {
    return this.#records.get(model);
  }

  async put(next: Omit<ModelTraffic, 'epoch'>, expected: number): Promise<ModelTraffic> {
    if (this.fault) throw this.fault;
    const epoch = this.#records.get(next.model)?.epoch ?? 0;
    if (epoch !== expected) throw new AppError('CONFLICT', 'changed meanwhile');
    const record = modelTrafficSchema.parse({ ...next, epoch: Math.max(epoch + 1, Date.now()) });
    this.#records.set(next.model, record);
    this.history.push(record);
    return record;
  }

  async confirmed(model: string): Promise<Record<string, number>> {
    return { gateway: this.#records.get(model)?.epoch ?? 0 };
  }

  /** As when Redis has lost its data. */
  lose(): void {
    this.#records.clear();
  }
}
