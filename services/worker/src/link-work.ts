import { AppError, toWireError } from '@frontier/contracts/errors';
import { failpoint } from '@frontier/kit/failpoint';
import type { Batch__Output } from '@frontier/rpc/gen/dispatch/v1/Batch';
import type { DispatcherMessage__Output } from '@frontier/rpc/gen/dispatch/v1/DispatcherMessage';
import type { WorkerMessage } from '@frontier/rpc/gen/dispatch/v1/WorkerMessage';
import { errorMessage, jobOf, resultOf } from './batches.ts';
import type { Executor } from './executor.ts';
import { Receipt, type WorkContext } from './receipt.ts';
import { Sequences } from './sequences.ts';

/**
 * What one stream of a dispatcher has given this worker to do. It ends with the stream: the dispatcher runs the rest
 * elsewhere, so here it is not begun, and what generates is stopped.
 */
export class LinkWork {
  readonly #context: WorkContext;
  readonly #executor: Executor;
  readonly #send: (message: WorkerMessage) => void;
  readonly #sequences: Sequences;
  readonly #abort = new AbortController();
  #batches = 0;

  constructor(context: WorkContext, executor: Executor, send: (message: WorkerMessage) => void) {
    this.#context = context;
    this.#executor = executor;
    this.#send = send;
    this.#sequences = new Sequences(context, (tokens) => send({ tokens }));
  }

  /** Batches and sequences that are not answered. */
  get size(): number {
    return this.#batches + this.#sequences.size;
  }

  receive({ batch, generation, cancel }: DispatcherMessage__Output): void {
    if (batch) void this.#run(batch);
    if (generation) this.#sequences.start(generation);
    if (cancel) this.#sequences.cancel(cancel.ids);
  }

  close(): void {
    this.#abort.abort();
    this.#sequences.close();
  }

  async #run(batch: Batch__Output): Promise<void> {
    this.#batches += 1;
    const receipt = new Receipt(this.#context, batch, 'worker.execute');
    const ids = batch.items.map(({ id }) => id).join(' ');
    try {
      const job = jobOf(batch);
      const deadline = receipt.at + batch.timeout_ms;
      await failpoint('worker.execute.before', ids);
      const outcome = await this.#executor.run({ model: receipt.model('batch'), job, deadline, signal: this.#abort.signal }); // prettier-ignore
      await failpoint('worker.execute.after', ids);
      await failpoint('worker.result.before', ids);
      this.#send({ result: resultOf(batch, outcome) });
      await failpoint('worker.result.after', ids);
      receipt.record(({ computeTime, rows }, labels) => {
        computeTime.observe(labels, outcome.computeUs / 1e6);
        rows.inc(labels, job.rows);
      });
      receipt.end();
    } catch (thrown) {
      const error = AppError.from(thrown);
      this.#send({ result: { batch_id: batch.id, error: errorMessage(toWireError(error)) } });
      receipt.end(error.code);
    }
    this.#batches -= 1;
  }
}
