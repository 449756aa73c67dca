// The two ways to offer load, independent of protocol, and what is measured of it.
//
// A client has `send(intended)`, `flush()`, and calls `onAnswer(intended, error)` once for each send; `intended` is
// the instant (performance.now) from which latency counts. Open loop: that is the arrival's own instant, however late
// the request could be written, so a server that stalls cannot hide it (no coordinated omission).
import { Worker } from 'node:worker_threads';
import { monotonicOffset } from './clock.mjs';
import { exponential, random } from './random.mjs';

const DRAIN_MS = 10_000;
const LATE_MS = 1;

/** Latencies and errors of the requests whose intended instant lies in the measured window. */
class Recorder {
  #latencies = new Float64Array(1 << 16);
  #count = 0;
  #errors = {};
  #lateCount = 0;
  #maxLate = 0;
  completed = 0;

  constructor(from, to) {
    this.from = from;
    this.to = to;
  }

  /** The request was written at `at`. */
  sent(intended, at) {
    if (intended < this.from || intended >= this.to) return;
    const late = at - intended;
    if (late > LATE_MS) this.#lateCount++;
    if (late > this.#maxLate) this.#maxLate = late;
  }

  answered(intended, error) {
    const now = performance.now();
    if (!error && now >= this.from && now < this.to) this.completed++;
    if (intended < this.from || intended >= this.to) return;
    if (error) {
      this.#errors[error] = (this.#errors[error] ?? 0) + 1;
      return;
    }
    if (this.#count === this.#latencies.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#latencies);
      this.#latencies = larger;
    }
    this.#latencies[this.#count++] = now - intended;
  }

  summary() {
    const sorted = this.#latencies.subarray(0, this.#count).toSorted();
    const at = (q) => round(sorted[Math.min(this.#count - 1, Math.floor(q * this.#count))] ?? NaN);
    const failed = Object.values(this.#errors).reduce((sum, n) => sum + n, 0);
    return {
      requests: this.#count + failed,
      completed: this.completed,
      failed,
      errors: this.#errors,
      rate: Math.round((this.completed * 10_000) / (this.to - this.from)) / 10,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      max: at(1),
      late: this.#lateCount,
      maxLateMs: round(this.#maxLate),
    };
  }
}

export const round = (ms) => Math.round(ms * 1000) / 1000;

/**
 * Offers `load` (`{inFlight}` or `{rate, seed}`, both with `warmupMs` and `durationMs`) through `client` and resolves
 * to the recorder once all is answered, or ten seconds after the end. `onMeasuring` is called at both ends of the window.
 */
export async function offer(client, load, onMeasuring) {
  // Time enough for the pacing thread to start.
  const start = performance.now() + 200;
  const recorder = new Recorder(start + load.warmupMs, start + load.warmupMs + load.durationMs);
  const edges = [recorder.from, recorder.to].map((at, i) =>
    setTimeout(() => onMeasuring(i === 0 ? 'from' : 'to'), at - performance.now()),
  );
  try {
    await (load.rate ? openLoop(client, load, start, recorder) : closedLoop(client, load, recorder));
  } finally {
    for (const edge of edges) clearTimeout(edge);
  }
  return recorder;
}

function closedLoop(client, { inFlight }, recorder) {
  return new Promise((resolve) => {
    let outstanding = inFlight;
    const deadline = setTimeout(resolve, recorder.to - performance.now() + DRAIN_MS);
    client.onSent = () => {};
    client.onAnswer = (intended, error) => {
      recorder.answered(intended, error);
      const now = performance.now();
      if (now < recorder.to) {
        // An error is answered at once: without a pause a dead server would be hammered in a hot loop.
        if (error) setTimeout(() => (client.send(performance.now()), client.flush()), 20);
        else client.send(now);
        return;
      }
      if (--outstanding === 0) {
        clearTimeout(deadline);
        resolve();
      }
    };
    const now = performance.now();
    for (let i = 0; i < inFlight; i++) client.send(now);
    client.flush();
  });
}

/** Poisson arrivals until `to`, as instants of performance.now. */
function arrivals(rate, seed, from, to) {
  const next = random(seed);
  const times = [];
  for (let at = from; ;) {
    at += exponential(next, 1000 / rate);
    if (at >= to) return times;
    times.push(at);
  }
}

async function openLoop(client, { rate, seed }, start, recorder) {
  const times = arrivals(rate, seed, start, recorder.to);
  // A thread sleeps until each arrival and wakes this one: timers here are whole milliseconds, and polling would
  // take a core away from the servers that are measured.
  const shared = new Float64Array(new SharedArrayBuffer(8 * times.length));
  const offset = monotonicOffset();
  times.forEach((at, i) => (shared[i] = at + offset));
  const due = new Int32Array(new SharedArrayBuffer(8));
  const pacer = new Worker(new URL('./pacer.mjs', import.meta.url), { workerData: { times: shared, due } });
  try {
    await new Promise((resolve, reject) => {
      let next = 0;
      let answered = 0;
      let deadline;
      client.onSent = (intended, at) => recorder.sent(intended, at);
      client.onAnswer = (intended, error) => {
        recorder.answered(intended, error);
        if (++answered === times.length) {
          clearTimeout(deadline);
          resolve();
        }
      };
      pacer.on('error', reject);
      pacer.on('message', () => {
        Atomics.store(due, 1, 0);
        for (const end = Atomics.load(due, 0); next < end; next++) client.send(times[next]);
        client.flush();
      });
      deadline = setTimeout(resolve, recorder.to - performance.now() + DRAIN_MS);
    });
  } finally {
    await pacer.terminate();
  }
}
