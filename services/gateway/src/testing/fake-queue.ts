import { AppError, toWireError } from '@frontier/contracts/errors';
import type { InferenceQueue, RequestView, Submission } from '@frontier/contracts/ports';
import type { Pool, Priority, Shard } from '@frontier/contracts/queue';
import type { NewRequest, Outcome, Settled, TokenChunk } from '@frontier/contracts/request';
import { bytesTensor, decodeTensors, encodeTensors, type Tensor } from '@frontier/contracts/tensor';

/** What a request comes to; a promise that never settles is a request that nobody runs. */
export type Execute = (request: NewRequest, inputs: Tensor[]) => Execution | Promise<Execution>;

export interface Execution {
  outputs?: Tensor[];
  outcome?: Partial<Outcome>;
}

interface FakeRecord {
  request: NewRequest;
  deadline: number;
  settled: Settled | undefined;
  waiters: Array<(settled: Settled) => void>;
  timer: NodeJS.Timeout;
}

const TIMED_OUT = new AppError('TIMEOUT', 'the deadline passed before there was an answer');
const CANCELLED = new AppError('CANCELLED', 'the request was cancelled');

/** The queue in memory: admission, keys, deadlines, cancels and one terminal record a request, without Redis. */
export class FakeQueue implements InferenceQueue {
  readonly submitted: NewRequest[] = [];
  readonly log = new Map<string, TokenChunk[]>();
  /** What the next new submits are refused with. */
  refusal: AppError | undefined;
  /** Of what has not ended. */
  state: 'waiting' | 'running' | 'retrying' = 'running';
  execute: Execute;
  hasRoom = true;
  readonly #records = new Map<string, FakeRecord>();
  readonly #keys = new Map<string, { id: string; bodyHash: string }>();

  constructor(execute: Execute) {
    this.execute = execute;
  }

  /** Requests without a terminal record. */
  get outstanding(): number {
    return [...this.#records.values()].filter(({ settled }) => !settled).length;
  }

  shardFor(priority: Priority, pool: Pool): Shard {
    return { priority, pool, index: 0 };
  }

  async submit(request: NewRequest): Promise<Submission> {
    if (this.refusal) throw this.refusal;
    const earlier = this.#earlier(request);
    if (earlier !== undefined) return { id: earlier, replayed: true };
    this.submitted.push(request);
    const { id, timeoutMs } = request;
    const timer = setTimeout(
      () => this.#end(id, { status: 'timeout', error: toWireError(TIMED_OUT) }),
      timeoutMs,
    );
    this.#records.set(id, {
      request,
      deadline: performance.now() + timeoutMs,
      settled: undefined,
      waiters: [],
      timer,
    });
    void this.#run(request);
    return { id, replayed: false };
  }

  wait(id: string, tenant: string, signal?: AbortSignal): Promise<Settled> {
    const record = this.#of(id, tenant);
    if (!record) return Promise.reject(new AppError('NOT_FOUND', `no inference ${id}`));
    if (record.settled) return Promise.resolve(record.settled);
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(new AppError('CANCELLED', 'the caller has gone'));
      if (signal?.aborted) return onAbort();
      record.waiters.push(resolve);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async read(id: string, tenant: string): Promise<RequestView | undefined> {
    const record = this.#of(id, tenant);
    if (!record) return undefined;
    const { request, deadline, settled } = record;
    const { model, version } = request;
    return {
      id,
      tenant,
      model,
      version,
      state: settled ? 'settled' : this.state,
      remainingMs: settled ? 0 : Math.max(deadline - performance.now(), 0),
      unattended: settled !== undefined || request.mode === 'job' || request.idempotency !== undefined,
      settled,
    };
  }

  async cancel(id: string, tenant: string): Promise<Settled | undefined> {
    if (!this.#of(id, tenant)) return undefined;
    this.#end(id, { status: 'cancelled', error: toWireError(CANCELLED) });
    return this.#of(id, tenant)?.settled;
  }

  /** There is one gateway only. */
  abandon(id: string, tenant: string): Promise<Settled | undefined> {
    return this.cancel(id, tenant);
  }

  async tokens(id: string, _tenant: string, offset: number): Promise<TokenChunk[]> {
    return (this.log.get(id) ?? []).filter((chunk) => chunk.offset + chunk.tokens.length > offset);
  }

  roomy(): boolean {
    return this.hasRoom;
  }

  /** Ends what is left, so that nobody waits any more. */
  stop(): void {
    for (const id of this.#records.keys())
      this.#end(id, { status: 'cancelled', error: toWireError(CANCELLED) });
  }

  /** The id that the request's key stands for. Throws CONFLICT for another body. */
  #earlier({ id, tenant, idempotency }: NewRequest): string | undefined {
    if (!idempotency) return undefined;
    const name = `${tenant}:${idempotency.key}`;
    const claim = this.#keys.get(name);
    if (!claim) {
      this.#keys.set(name, { id, bodyHash: idempotency.bodyHash });
      return undefined;
    }
    if (claim.bodyHash === idempotency.bodyHash) return claim.id;
    throw new AppError('CONFLICT', 'this Idempotency-Key was used with another body');
  }

  async #run(request: NewRequest): Promise<void> {
    try {
      const { outputs = [], outcome } = await this.execute(request, decodeTensors(request.payload));
      this.#end(request.id, { status: 'completed', ...outcome }, outputs);
    } catch (error) {
      this.#end(request.id, { status: 'failed', error: toWireError(AppError.from(error)) });
    }
  }

  #end(id: string, outcome: Omit<Outcome, 'model' | 'version'>, outputs: Tensor[] = []): void {
    const record = this.#records.get(id);
    if (!record || record.settled) return;
    clearTimeout(record.timer);
    const { model, version, variant, tenant, idempotency } = record.request;
    record.settled = { outcome: { model, version, variant, ...outcome }, outputs: encodeTensors(outputs) };
    // Who repeats the key after a timeout or a cancellation gets a new execution.
    const answered = outcome.status === 'completed' || outcome.status === 'failed';
    if (idempotency && !answered) this.#keys.delete(`${tenant}:${idempotency.key}`);
    for (const resolve of record.waiters) resolve(record.settled);
  }

  #of(id: string, tenant: string): FakeRecord | undefined {
    const record = this.#records.get(id);
    return record?.request.tenant === tenant ? record : undefined;
  }
}

/** A text as the one output of a model. */
export function textOutput(text: string, name = 'text'): Tensor[] {
  return [bytesTensor(name, [Buffer.from(text)])];
}
