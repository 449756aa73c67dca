import { resolve } from 'node:path';
import { openRepository, type StoredModel } from '@frontier/model-store/repository';
import type { ThreadEvents } from './model-thread.ts';
import type { Ready } from './protocol.ts';

/** Helpers of this folder's tests. */

const MODELS = resolve(__dirname, '../../../models');

/** A model that ships, with parts of its `model.yaml` replaced. */
export async function shippedModel(
  name: string,
  changes: Partial<StoredModel['spec']> = {},
): Promise<StoredModel> {
  const { models, faults } = await openRepository([MODELS]);
  const model = models.find(({ spec }) => spec.name === name);
  if (!model) throw new Error(`no model ${name}; faults: ${JSON.stringify(faults)}`);
  return { ...model, spec: { ...model.spec, ...changes } };
}

/** Events that remember what they were told. */
export class RecordedEvents implements ThreadEvents {
  readonly readies: Ready[] = [];
  readonly deaths: Error[] = [];
  onReady = (): void => {};

  ready(_: StoredModel, ready: Ready): void {
    this.readies.push(ready);
    this.onReady();
  }

  down(_: StoredModel, error: Error): void {
    this.deaths.push(error);
  }
}
