import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { AppError } from '@frontier/contracts/errors';
import { inferenceId, queuePoliciesSchema, type Shard } from '@frontier/contracts/queue';
import type { Settled } from '@frontier/contracts/request';
import { createLogger } from '@frontier/kit/logger';
import { DispatchQueue } from '../dispatch-queue.ts';
import { createInferenceQueue, type RedisInferenceQueue } from '../inference-queue.ts';
import type { Replication } from '../replication.ts';
import type { TakenBundle } from '../taken.ts';

export interface TestLoadOptions {
  url: string;
  replication: Replication;
  shards: Shard[];
}

/** Of a ledger: what should never have happened. */
export interface Verdict {
  /** Acknowledged, and not answered by a result. */
  lost: string[];
  /** With two ends, or a record that says something else than its caller was told. */
  double: string[];
}

const log = createLogger({ service: 'test', level: 'silent' });
const policies = queuePoliciesSchema.parse({});
const WORK_MS = 20;

/**
 * A gateway with its callers, a dispatcher that answers each request with the number of its execution, and a ledger.
 * Every tenth payload is too large for a bundle.
 */
export class TestLoad {
  readonly gateway: RedisInferenceQueue;
  refused = 0;
  executed = 0;
  /** What each acknowledged request was answered with. */
  readonly answers = new Map<string, string>();
  readonly #dispatcher: DispatchQueue;
  readonly #shards: Shard[];
  readonly #commits = new Map<string, number>();
  readonly #calls: Promise<void>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor({ url, replication, shards }: TestLoadOptions) {
    const shared = { redisUrl: url, policies, replication, keptBytes: 1e6, log };
    this.#shards = shards;
    this.gateway = createInferenceQueue({
      ...shared,
      gatewayId: `gw-${uuidv7()}`,
      shards: 1,
      registry: new Registry(),
    });
    this.#dispatcher = new DispatchQueue({
      ...shared,
      name: 'test',
      shards,
      registry: new Registry(),
      isServed: () => true,
      onTaking: () => undefined,
      onBundle: (bundle) => this.#execute(bundle),
    });
  }

  async start(): Promise<void> {
    await this.gateway.start();
    await this.#dispatcher.start();
    this.#dispatcher.take();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#dispatcher.stop();
    await this.gateway.stop();
  }

  /** Calls at a steady rate, to all shards in turn, until `finish`. */
  run(perSecond: number): void {
    this.#timer = setInterval(() => this.call(), 1000 / perSecond);
  }

  call(): void {
    this.#calls.push(this.#call(this.#calls.length));
  }

  /** Until so many more have been answered. */
  async answered(more: number): Promise<void> {
    const enough = this.answers.size + more;
    while (this.answers.size < enough) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Waits for all answers and reads the ledger. */
  async finish(): Promise<Verdict> {
    clearInterval(this.#timer);
    await Promise.all(this.#calls);
    const verdict: Verdict = { lost: [], double: [] };
    for (const [id, answer] of this.answers) {
      if (!/^\d+$/.test(answer)) verdict.lost.push(`${id}: ${answer}`);
      const record = await this.gateway.read(id, 'default');
      if ((this.#commits.get(id) ?? 0) > 1 || textOf(record?.settled) !== answer) verdict.double.push(id);
    }
    return verdict;
  }

  async #call(n: number): Promise<void> {
    const shard = this.#shards[n % this.#shards.length] as Shard;
    const { priority, pool } = shard;
    const id = inferenceId(uuidv7(), shard);
    const payload = new Uint8Array(n % 10 === 0 ? 20_000 : 20);
    const what = { tenant: 'default', model: 'm', version: '1', mode: 'sync', timeoutMs: 20_000 } as const;
    try {
      await this.gateway.submit({ ...what, id, priority, pool, payload });
    } catch (error) {
      if (AppError.from(error).code !== 'UNAVAILABLE') throw error;
      this.refused += 1;
      return;
    }
    this.answers.set(id, textOf(await this.gateway.wait(id, 'default')));
  }

  async #execute(bundle: TakenBundle): Promise<void> {
    await this.#dispatcher.republish(bundle.committed);
    await new Promise((resolve) => setTimeout(resolve, WORK_MS));
    await Promise.all(
      bundle.run.map(async (request) => {
        if (request.payload.length === 0) throw new Error('a payload is missing');
        this.executed += 1;
        const { id, model, version } = request;
        const outputs = Buffer.from(String(this.executed));
        const outcome = { status: 'completed', model, version } as const;
        if (!(await this.#dispatcher.commit(request, { outcome, outputs }))) return;
        this.#commits.set(id, (this.#commits.get(id) ?? 0) + 1);
      }),
    );
  }
}

function textOf(settled: Settled | undefined): string {
  if (settled?.outcome.status !== 'completed') return settled?.outcome.status ?? 'nothing';
  return Buffer.from(settled.outputs).toString();
}
