import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import type { BatchResult } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import type { DispatcherMessage__Output } from '@frontier/rpc/gen/dispatch/v1/DispatcherMessage';
import type { Generation__Output } from '@frontier/rpc/gen/dispatch/v1/Generation';
import { WorkStream } from '@frontier/rpc/work-client';

export interface FakeWorker {
  batches: Batch__Output[];
  generations: Generation__Output[];
  cancelled: string[];
  /** `name@version` of each wish. */
  wanted: string[];
  /** Registers again, with these, and grants their credits. */
  offer(models: FakeModel[]): void;
  stream: WorkStream;
  close(): Promise<void>;
}

/** Version 1, unless it says another. */
export interface FakeModel {
  name: string;
  version?: string;
  credits: number;
}

export interface FakeWorkerOptions {
  port: number;
  models: FakeModel[];
  /** The answer to a batch; undefined: none (yet). */
  onBatch?: (batch: Batch__Output, worker: FakeWorker) => Omit<BatchResult, 'batch_id'> | undefined;
  onGeneration?: (generation: Generation__Output, worker: FakeWorker) => void;
}

/** A worker that speaks the real protocol over a real connection and does what a test says. */
export async function startFakeWorker(options: FakeWorkerOptions): Promise<FakeWorker> {
  const { port, models, onBatch, onGeneration } = options;
  const worker = { batches: [], generations: [], cancelled: [], wanted: [] } as unknown as FakeWorker;
  const onMessage = ({ batch, generation, cancel, wanted }: DispatcherMessage__Output) => {
    if (batch) {
      worker.batches.push(batch);
      const result = onBatch?.(batch, worker);
      if (result) worker.stream.send({ result: { batch_id: batch.id, ...result } });
    }
    if (generation) {
      worker.generations.push(generation);
      onGeneration?.(generation, worker);
    }
    if (cancel) worker.cancelled.push(...cancel.ids);
    if (wanted) worker.wanted.push(...wanted.models.map(({ name, version }) => `${name}@${version}`));
  };
  worker.stream = await WorkStream.connect(`127.0.0.1:${port}`, onMessage);
  worker.close = () => worker.stream.close();
  worker.offer = (offered) => {
    const offers = offered.map(({ name, version = '1', credits }) => ({ name, version, capacity: credits, instances: 1 })); // prettier-ignore
    worker.stream.send({ register: { worker_id: 'fake', pool: 'cpu', models: offers } });
    for (const { name, version = '1', credits } of offered)
      worker.stream.send({ credit: { model: name, version, count: credits } });
  };
  worker.offer(models);
  return worker;
}

/** Each number doubled: the model `double`. */
export function doubled(batch: Batch__Output): Omit<BatchResult, 'batch_id'> {
  const outputs = batch.inputs.map((input) => {
    const numbers = new Int32Array(new Uint8Array(input.data).buffer).map((n) => n * 2);
    return { name: 'y', datatype: input.datatype, shape: input.shape, data: Buffer.from(numbers.buffer) };
  });
  return { outputs, compute_us: 100 };
}
