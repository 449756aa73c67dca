// Bare ONNX Runtime: the same model, as many sessions and threads as its model.yaml says, each session in a thread of
// its own that does nothing but run. What the platform reaches is told as a share of this.
import { Worker } from 'node:worker_threads';

async function measure({ file, instances, threads, feed, rows, durationMs }) {
  const thread = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./reference-thread.mjs', import.meta.url), {
        workerData: { file, threads, feed, rows, durationMs },
      });
      worker.on('message', resolve);
      worker.on('error', reject);
    });
  const rates = await Promise.all(Array.from({ length: instances }, thread));
  return { rowsPerS: Math.round(rates.reduce((sum, rate) => sum + rate, 0) * 10) / 10 };
}

/** The model's own output for these inputs, as the right answer. */
async function answer({ file, input, output, data, shape }) {
  const { default: ort } = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1 });
  return (await session.run({ [input]: new ort.Tensor(data, shape) }))[output].data;
}

process.on('message', (job) => {
  (job.data ? answer(job) : measure(job)).then(
    (result) => process.send({ type: 'result', result }),
    (error) => process.send({ type: 'failed', message: error.stack }),
  );
});
process.on('disconnect', () => process.exit(0));
