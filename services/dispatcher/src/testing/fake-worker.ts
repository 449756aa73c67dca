import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import type { BatchResult } from '@frontier/rpc/gen/dispatch/v1/BatchResult';
import type { DispatcherMessage__Output } from '@frontier/rpc/gen/dispatch/v1/DispatcherMessage';
import type { Generation__Output } from '@frontier/rpc/gen/dispatch/v1/Generation';
import { WorkStream } from '@frontier/rpc/work-client';

export interface FakeWorker {
  batches: Batch__Output[];
  generations: Generation__Output[];
  cancelled: string[];
  stream: WorkStream;
  close(): Promise<void>;
}

export interface FakeWorkerOptions {
  port: number;
  models: { name: string; credits: number }[];
  /** The answer to a batch; undefined: none (yet). */
  onBatch?: (batch: Batch__Output, worker: FakeWorker) => Omit<BatchResult, 'batch_id'> | undefined;
  onGeneration?: (generation: Generation__Output, worker: FakeWorker) => void;
}

/** A worker that speaks the real protocol over a real connection and does what a test says. */
export async function startFakeWorker(options: FakeWorkerOptions): Promise<FakeWorker> {
  const { port, models, onBatch, onGeneration } = options;
  const worker = { batches: [], generations: [], cancelled: [] } as unknown as FakeWorker;
  const onMessage = ({ batch, generation, cancel }: DispatcherMessage__Output) => {
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
  };
  worker.stream = await WorkStream.connect(`127.0.0.1:${port}`, onMessage);
  worker.close = () => worker.stream.close();
  const offers = models.map(({ name, credits }) => ({ name, version: '1', capacity: credits, instances: 1 }));
  worker.stream.send({ register: { worker_id: 'fake', pool: 'cpu', models: offers } });
  for (const { name, credits } of models)
    worker.stream.send({ credit: { model: name, version: '1', count: credits } });
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
