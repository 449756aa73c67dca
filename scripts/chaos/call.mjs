// One request from the caller's side, tried until it is answered: every answer that is seen goes into the ledger.
import { sleep } from '../lib/run.mjs';
import { inputsOf, isAnswerOf } from './inputs.mjs';

/** A caller honours `Retry-After`, but these runs are short. */
const LONGEST_RETRY_MS = 1_000;
/** Longer than any request of these runs may take, but for jobs, which nobody waits for. */
const LONGEST_ATTEMPT_MS = 65_000;
const POLL_MS = [20, 40, 80, 160, 320];
/** Statuses of a job that has not ended. */
const PENDING = new Set(['processing', 'retrying', 'degraded']);
/** A job that was accepted and is not known so often is lost. */
const MAX_UNKNOWN = 10;

/**
 * How a call is made. `keyed` and `plain` wait for their answer, `keyedJob` and `job` poll; who has a key repeats the
 * call with it until it is answered.
 */
export const KINDS = ['keyed', 'plain', 'keyedJob', 'job'];

export class Call {
  /**
   * `answered`, `refused` (to its last attempt: nothing is owed), `broken` (its connection broke, and nobody may repeat
   * it), `unanswered`; undefined while it runs.
   */
  state;
  startedAt = performance.now();
  endedAt;
  /** Of an answered one: completed, failed, timeout or cancelled. */
  status;
  /** Times it was refused. */
  refusals = 0;
  #unknown = 0;
  #lastRefused = false;
  #attempts = 0;
  #job;
  #context;
  #inputs;

  /**
   * `job`: `{n, kind, priority, tenant, rows, model, repeat, deadlineMs}`; `context`: `{http, gateways, ledger, seed, random,
   * patienceMs, attemptMs}`.
   */
  constructor(job, context) {
    this.#job = job;
    this.#context = context;
    this.#inputs = inputsOf(job.model, context.seed, job.n, job.rows);
  }

  get job() {
    return this.#job;
  }

  get #keyed() {
    return this.#job.kind.startsWith('keyed');
  }

  get #polled() {
    return this.#job.kind.endsWith('ob');
  }

  get #left() {
    return this.startedAt + this.#context.patienceMs - performance.now();
  }

  async run() {
    const id = await this.#submit();
    if (id !== undefined && this.#polled) await this.#poll(id);
    this.state ??= this.#lastRefused ? 'refused' : 'unanswered';
    this.endedAt = performance.now();
    if (this.state === 'answered' && this.#job.repeat) await this.#again(id);
  }

  /** The id under which it was accepted; undefined when it never was. */
  async #submit() {
    const path = this.#polled ? '/v1/jobs' : '/v1/infer';
    while (this.#left > 0) {
      let answer;
      try {
        answer = await this.#send({ method: 'POST', path, body: this.#body() });
      } catch (error) {
        if (!error.notSent) this.#context.ledger.cutOff += 1;
        this.#lastRefused &&= error.notSent;
        // Whether it was accepted nobody knows: only a key makes a second try the same request.
        if (!this.#keyed && !error.notSent && !this.#polled) {
          this.state = 'broken';
          return undefined;
        }
        await sleep(20 + this.#context.random() * 80);
        continue;
      }
      // A repeat whose own time was over before the earlier call ended: that one's answer is still to come.
      if (this.#keyed && answer.status === 504 && !answer.json.error?.details?.id) continue;
      this.#lastRefused = await this.#refused(answer);
      if (!this.#lastRefused) return this.#accept(answer);
    }
    return undefined;
  }

  #accept({ status, json, headers }) {
    const { ledger } = this.#context;
    const { data, error } = json;
    if (status === 202) {
      ledger.acknowledged(data.id);
      return data.id;
    }
    if (status === 200) {
      ledger.acknowledged(data.id);
      this.#end(data.id, 'completed', data.outputs, headers['idempotent-replayed']);
      return data.id;
    }
    // Only an error that names the inference is an answer to it.
    if (error?.details?.id) this.#end(error.details.id, statusOf(error.code));
    else {
      ledger.fault(`${status} ${error?.code}: ${error?.message}`);
      this.state = 'broken';
    }
    return error?.details?.id;
  }

  async #poll(id) {
    for (let i = 0; this.#left > 0 && this.#unknown < MAX_UNKNOWN; i += 1) {
      await sleep(POLL_MS[Math.min(i, POLL_MS.length - 1)]);
      const view = await this.#view(id);
      if (!view) continue;
      if (PENDING.has(view.status)) continue;
      return this.#end(
        id,
        view.status === 'failed' ? statusOf(view.error.code) : view.status,
        view.result?.outputs,
      );
    }
  }

  /** What any gateway says of it; undefined when none answers, or it is not known there. */
  async #view(id) {
    try {
      const { status, json } = await this.#send({ path: `/v1/jobs/${id}` });
      if (status === 404) {
        this.#unknown += 1;
        this.#context.ledger.unknown(id);
      }
      return status === 200 ? json.data : undefined;
    } catch {
      return undefined;
    }
  }

  /** Asks once more, at any gateway, when all is over: the answer must be the same. */
  async #again(id) {
    await sleep(this.#context.random() * 300);
    if (this.#polled) {
      const view = await this.#view(id);
      if (view)
        this.#see(
          id,
          view.status === 'failed' ? statusOf(view.error.code) : view.status,
          view.result?.outputs,
        );
    } else if (this.#keyed) {
      const answer = await this.#send({ method: 'POST', path: '/v1/infer', body: this.#body() }).catch(
        () => undefined,
      );
      if (answer?.status === 200) this.#see(answer.json.data.id, 'completed', answer.json.data.outputs);
    }
  }

  #end(id, status, outputs) {
    this.state = 'answered';
    this.status = status;
    this.#see(id, status, outputs);
    this.#context.ledger.delivered(id);
  }

  #see(id, status, outputs) {
    const right = status !== 'completed' || isAnswerOf(this.#inputs, outputs);
    this.#context.ledger.saw(this.#keyed ? `${this.#job.kind} ${this.#job.n}` : undefined, id, status, right);
  }

  /** Waits as a refused caller should. */
  async #refused({ status, headers, json, tookMs }) {
    // An error that names the inference is its answer, whatever its status.
    if ((status !== 429 && status !== 503) || json.error?.details?.id) return false;
    this.refusals += 1;
    this.#context.ledger.refused(status, json.error?.message, headers['retry-after'], tookMs);
    const wait = Math.min(Number(headers['retry-after'] ?? 1) * 1_000, LONGEST_RETRY_MS);
    await sleep(Math.min(wait * (0.5 + this.#context.random() / 2), Math.max(this.#left, 0)));
    return true;
  }

  #send(request) {
    const { http, gateways, random, attemptMs } = this.#context;
    const { tenant, kind, n } = this.#job;
    const key = this.#keyed && request.method === 'POST' ? { 'idempotency-key': `${kind}-${this.#context.seed}-${n}` } : {}; // prettier-ignore
    const ports = gateways();
    const port = ports[Math.floor(random() * ports.length)];
    // Who has a key may give up early and repeat; each time more patiently.
    const attempt = this.#keyed ? attemptMs * 2 ** Math.min(this.#attempts++, 13) : Infinity;
    const timeoutMs = Math.min(attempt, LONGEST_ATTEMPT_MS, Math.max(this.#left, 1_000));
    return http.call(port, { ...request, headers: { 'x-tenant-id': tenant, ...key }, timeoutMs });
  }

  #body() {
    const { model, priority, deadlineMs } = this.#job;
    return JSON.stringify({ model, priority, inputs: this.#inputs, deadline_ms: deadlineMs });
  }
}

function statusOf(code) {
  return code === 'TIMEOUT' ? 'timeout' : code === 'CANCELLED' ? 'cancelled' : 'failed';
}
