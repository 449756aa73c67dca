import { queueContract } from '@frontier/contracts/testing/queue-contract';
import { bytesTensor } from '@frontier/contracts/tensor';
import { FakeQueue } from './fake-queue.ts';

queueContract('FakeQueue', async () => {
  let open!: () => void;
  const served = new Promise<void>((resolve) => {
    open = resolve;
  });
  const queue = new FakeQueue(async (_request, [input]) => {
    await served;
    const text = Buffer.from(input?.data.subarray(4) ?? []).toString();
    return { outputs: [bytesTensor('text', [Buffer.from(text.toUpperCase())])] };
  });
  return { queue, serve: async () => open(), stop: async () => queue.stop() };
});
