// A thread that sleeps until each arrival (an instant of the monotonic clock, ms) and wakes the generator for it.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicOffset } from './clock.mjs';

const { times, due } = workerData;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const offset = monotonicOffset();

for (let i = 0; i < times.length; i++) {
  const wait = times[i] - offset - performance.now();
  if (wait > 0) Atomics.wait(sleeper, 0, 0, wait);
  // [arrivals that are due, whether a wake-up is under way]: one is enough, it finds all that are due by then.
  Atomics.store(due, 0, i + 1);
  if (Atomics.exchange(due, 1, 1) === 0) parentPort.postMessage(0);
}
