// One session of reference.mjs. Sends the rows that it ran a second.
import { parentPort, workerData } from 'node:worker_threads';
import ort from 'onnxruntime-node';
import { feeds } from './feeds.mjs';

const WARM_UP_MS = 700;

const { file, threads, feed, rows, durationMs } = workerData;
const session = await ort.InferenceSession.create(file, { intraOpNumThreads: threads, interOpNumThreads: 1 });
const next = feeds[feed](rows);

async function runFor(ms) {
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < ms) {
    await session.run(next());
    runs++;
  }
  return (runs * rows * 1000) / (performance.now() - start);
}

await runFor(WARM_UP_MS);
parentPort.postMessage(await runFor(durationMs));
