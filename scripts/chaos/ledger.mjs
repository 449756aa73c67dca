// What was sent, acknowledged, executed, committed and delivered, from three sides that know nothing of each other:
// the callers, the workers' own log, and the records in Redis. It only ever grows.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

const SCAN = 1_000;

export class Ledger {
  sent = 0;
  /** Attempts whose connection broke after the request was sent. */
  cutOff = 0;
  refusals = { count: 0, slowestMs: 0, withoutRetryAfter: 0, reasons: {} };
  /** Answers that are none: what they said → how often. */
  faults = new Map();
  #acknowledged = new Set();
  #delivered = new Set();
  /** Id → how its callers were told that it ended. */
  #seen = new Map();
  /** Caller's key → ids that completed for it. */
  #byKey = new Map();
  #wrong = new Set();
  /** Acknowledged ids that a gateway did not know when asked. */
  #unknown = new Set();
  /** Ref → digest and status of its terminal record. */
  #terminal = new Map();
  #before = new Set();
  #settledBefore = 0;
  #executedBefore = 0;
  #doubles = [];
  #redis;
  #executedLog;

  /** `redis()` is the client of what is the primary now. */
  constructor(redis, executedLog) {
    this.#redis = redis;
    this.#executedLog = executedLog;
  }

  /** What is there already is not this run's. */
  async begin() {
    this.#before = new Set(await this.#keys('*:s:*'));
    this.#settledBefore = await this.#settled();
    this.#executedBefore = this.#executions().length;
  }

  acknowledged(id) {
    this.#acknowledged.add(id);
  }

  delivered(id) {
    this.#delivered.add(id);
  }

  unknown(id) {
    this.#unknown.add(id);
  }

  refused(status, message, retryAfter, tookMs) {
    const reason = `${status} ${message}`.replaceAll(/\d+(\.\d+)? m?s\b/g, 'n ms');
    this.refusals.reasons[reason] = (this.refusals.reasons[reason] ?? 0) + 1;
    this.refusals.count += 1;
    this.refusals.slowestMs = Math.max(this.refusals.slowestMs, tookMs);
    if (retryAfter === undefined) this.refusals.withoutRetryAfter += 1;
  }

  fault(text) {
    this.faults.set(text, (this.faults.get(text) ?? 0) + 1);
  }

  /** A caller was told that an inference ended so. `key`: what the caller repeats; it may complete once only. */
  saw(key, id, status, right) {
    const told = this.#seen.get(id);
    if (told !== undefined && told !== status)
      this.#doubles.push(`${id} was told as ${told} and as ${status}`);
    this.#seen.set(id, told ?? status);
    if (!right) this.#wrong.add(id);
    if (key === undefined || status !== 'completed') return;
    const first = this.#byKey.get(key) ?? id;
    if (first !== id) this.#doubles.push(`${key} completed as ${first} and as ${id}`);
    this.#byKey.set(key, first);
  }

  /** Reads terminal records: new ones only, or all. To be called more often than they are kept for (2 min). */
  async collect(all = false) {
    const keys = (await this.#keys('*:s:*')).filter((key) => !this.#before.has(key) && (all || !this.#terminal.has(refOf(key)))); // prettier-ignore
    for (let i = 0; i < keys.length; i += SCAN) {
      const part = keys.slice(i, i + SCAN);
      const blobs = await this.#redis().mgetBuffer(part);
      part.forEach((key, j) => blobs[j] && this.#record(refOf(key), blobs[j]));
    }
  }

  #record(ref, blob) {
    const digest = createHash('sha1').update(blob).digest('base64');
    const known = this.#terminal.get(ref);
    if (known && known.digest !== digest)
      this.#doubles.push(`the terminal record of ${ref} was written anew`);
    const { status } = JSON.parse(blob.toString('utf8', 4, 4 + blob.readUInt32LE(0)));
    this.#terminal.set(ref, known ?? { digest, status });
  }

  /** `[id, times]` of what was executed more than once. */
  executedOften() {
    const times = new Map();
    for (const id of this.#executions().slice(this.#executedBefore)) times.set(id, (times.get(id) ?? 0) + 1);
    return [...times].filter(([, count]) => count > 1);
  }

  /** Closes the books. `calls`: all that were made. */
  async close(calls) {
    await this.collect(true);
    const executions = this.#executions().slice(this.#executedBefore);
    const executed = new Set(executions);
    const endOf = new Map(
      [...this.#terminal].map(([ref, { status }]) => [ref.slice(ref.indexOf(':') + 1), status]),
    );
    const problems = [...this.#doubles];
    for (const [id, status] of this.#seen) {
      if (endOf.has(id) && endOf.get(id) !== status) problems.push(`${id} was told as ${status}, its record says ${endOf.get(id)}`); // prettier-ignore
      if (status === 'completed' && !executed.has(id)) problems.push(`${id} was answered and not executed`);
    }
    for (const id of this.#wrong) problems.push(`${id} got the answer of another`);
    const commits = (await this.#settled()) - this.#settledBefore;
    if (commits !== this.#terminal.size) problems.push(`${commits} commits made ${this.#terminal.size} terminal records`); // prettier-ignore
    const lost = [...this.#acknowledged].filter((id) => !endOf.has(id));
    const unanswered = calls.filter(({ state }) => state === 'unanswered');
    const statuses = [...this.#seen.values()];
    const count = (wanted) => statuses.filter((status) => status === wanted).length;
    return {
      sent: this.sent,
      acknowledged: this.#acknowledged.size,
      executed: executed.size,
      executions: executions.length,
      committed: this.#terminal.size,
      delivered: this.#delivered.size,
      lost: lost.length + unanswered.length,
      double: problems.length,
      completed: count('completed'),
      failed: count('failed'),
      timeout: count('timeout'),
      broken: calls.filter(({ state }) => state === 'broken').length,
      refused: this.refusals.count,
      refusals: this.refusals.reasons,
      faults: [...this.faults.values()].reduce((sum, times) => sum + times, 0),
      problems: [
        ...lost.slice(0, 5).map((id) => `${id} was acknowledged and has no end${this.#unknown.has(id) ? ', a gateway did not know it' : ''}`), // prettier-ignore
        ...unanswered
          .slice(0, 5)
          .map(({ job }) => `${job.kind} ${job.n} (${job.priority}) was never answered`),
        ...problems.slice(0, 10),
        ...[...this.faults].slice(0, 5).map(([text, times]) => `${times} × ${text}`),
      ],
    };
  }

  /** The ids of all executions, in order, each as often as it was executed. */
  #executions() {
    if (!existsSync(this.#executedLog)) return [];
    return readFileSync(this.#executedLog, 'utf8')
      .split('\n')
      .flatMap((line) => line.split(' ').slice(1))
      .filter((id) => id !== '');
  }

  async #settled() {
    const keys = await this.#keys('*:settled');
    const values = keys.length === 0 ? [] : await this.#redis().mget(keys);
    return values.reduce((sum, value) => sum + Number(value ?? 0), 0);
  }

  async #keys(pattern) {
    const keys = new Set();
    let cursor = '0';
    do {
      const [next, found] = await this.#redis().scan(cursor, 'MATCH', pattern, 'COUNT', SCAN);
      for (const key of found) keys.add(key);
      cursor = next;
    } while (cursor !== '0');
    return [...keys];
  }
}

function refOf(key) {
  return key.slice(key.indexOf(':s:') + 3);
}
