import { extname, join } from 'node:path';
import { Worker, type Transferable } from 'node:worker_threads';
import type { StoredModel } from '@frontier/model-store/repository';
import type { CloseMessage, Provider, Ready, ThreadData } from './protocol.ts';

/** What the owner of a model wants to know about its threads; for logs and metrics. */
export interface ThreadEvents {
  /** Loaded and warm: at first and after every restart. */
  ready(model: StoredModel, ready: Ready): void;
  /** A thread died; another one starts after `restartMs`. */
  down(model: StoredModel, error: Error, restartMs: number): void;
}

export interface ThreadOptions {
  model: StoredModel;
  providers: readonly Provider[];
  events: ThreadEvents;
}

const RESTART_MIN_MS = 200;
const RESTART_MAX_MS = 10_000;
/** A thread that lived this long starts again at once when it dies. */
const STABLE_MS = 60_000;

/**
 * Bounds of a thread's JavaScript heap; tensors and weights lie outside of it. The default young generation would
 * keep some 6 MB more of each thread in memory.
 */
const HEAP = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 2 };

/**
 * One thread with one session of a model, started again when it dies: with what it was working on lost, and with a
 * delay that grows while it keeps dying.
 */
export class ModelThread<In extends object, Out extends { type: string }> {
  readonly #options: ThreadOptions;
  readonly #onMessage: (message: Out) => void;
  readonly #onDown: (error: Error) => void;
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;
  #closed = false;

  /** `onDown`: the thread has died; nothing that was posted before will be answered. */
  constructor(options: ThreadOptions, onMessage: (message: Out) => void, onDown: (error: Error) => void) {
    this.#options = options;
    this.#onMessage = onMessage;
    this.#onDown = onDown;
  }

  /** Resolves when the model is ready. Rejects when it cannot be loaded; then no thread is left. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#spawn((error) => {
        if (!error) return resolve();
        this.#closed = true;
        reject(error);
      });
    });
  }

  /** False while there is no thread: between a death and the restart. */
  post(message: In, transfer: Transferable[] = []): boolean {
    this.#worker?.postMessage(message, transfer);
    return this.#worker !== undefined;
  }

  /**
   * Lets the thread finish what it has, then end. It is never killed: ONNX Runtime ends the whole process when its
   * thread is stopped inside of it.
   */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (!worker) return;
    worker.postMessage({ type: 'close' } satisfies CloseMessage);
    await new Promise((resolve) => worker.once('exit', resolve));
  }

  /** `settled`: told once, whether this thread became ready or died before. */
  #spawn(settled: (error?: Error) => void): void {
    const { model, providers, events } = this.#options;
    const worker = new Worker(join(__dirname, `thread${extname(__filename)}`), {
      workerData: { model, providers } satisfies ThreadData,
      name: model.spec.name,
      execArgv: extname(__filename) === '.ts' ? FROM_SOURCES : [],
      resourceLimits: HEAP,
    });
    let reason = new Error('the thread ended');
    let readyAt = Infinity;
    worker.on('message', (message: Out | Ready) => {
      if (message.type !== 'ready') return this.#onMessage(message as Out);
      readyAt = performance.now();
      events.ready(model, message as Ready);
      settled();
    });
    worker.on('error', (error: Error) => (reason = error));
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#onDown(reason);
      if (performance.now() - readyAt > STABLE_MS) this.#deaths = 0;
      if (readyAt === Infinity) settled(reason);
      if (!this.#closed) this.#restartLater(reason);
    });
    this.#worker = worker;
  }

  #restartLater(reason: Error): void {
    const delay = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** this.#deaths);
    this.#deaths += 1;
    this.#options.events.down(this.#options.model, reason, delay);
    this.#restart = setTimeout(() => this.#spawn(() => {}), delay);
  }
}

/** Tests run the sources: Node strips the types by itself. */
const FROM_SOURCES = ['--conditions=source', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'];
