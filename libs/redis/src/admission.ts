import { AppError } from '@frontier/contracts/errors';
import type { QueuePolicy, Shard } from '@frontier/contracts/queue';
import type { NewRequest } from '@frontier/contracts/request';
import { failpoint } from '@frontier/kit/failpoint';
import { INLINE_BYTES } from './bundle.ts';
import type { RedisClient } from './connection.ts';
import { DrainRate } from './drain-rate.ts';
import { idempotencyKey, refOf, type LaneName, type ShardKeys } from './keys.ts';
import type { Pressure } from './pressure.ts';
import { refusal, soonS, type RefusalReason } from './refusal.ts';
import { keepMs } from './retention.ts';
import { ShardScripts, type Argument } from './scripts.ts';

/** Of the longest wait, as much may be predicted: the rate may fall before the turn comes. */
const PREDICTED = 1 / 4;
/** A larger payload is the first to be refused under load. */
export const LARGE_BYTES = 64 * 1024;
/** Up to this part of the bound no tenant can be over its share of it, as `admit.lua` has it. */
const ROOMY = 0.2;
/** Of its bound, what `low` may have behind others at a rate that is not known. */
const UNKNOWN_RATE = 1 / 16;

/** The queues that new work enters. */
export type EntryLane = Exclude<LaneName, 'retry'>;
/** The lane in which this call must enqueue a request, where an earlier call has brought it, or why it is refused. */
export type Verdict = EntryLane | 'live' | 'settled' | AppError;

type Bounds = Pick<QueuePolicy, 'bound' | 'boundBytes'>;
type ScriptVerdict = Exclude<Verdict, AppError> | Exclude<RefusalReason, 'memory' | 'redis'>;
/** Time, and what was found before anything was added: outstanding, bytes, settled, jobs that wait. */
type ScriptReply = [number, number, number, number, number, ...ScriptVerdict[]];

export interface AdmissionOptions {
  shard: Shard;
  redis: RedisClient;
  keys: ShardKeys;
  /** Who waits for the answers; empty: nobody. */
  gateway: string;
  /** With the shard's own part of the bounds. */
  policy: QueuePolicy;
  /** Bytes of results that a tenant may have kept in this shard: of its jobs and keyed calls of the last day. */
  keptBytes: number;
  pressure: Pressure;
}

/** Asks the script that admits, tells it what only time shows, and says in words what it refuses. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #scripts: ShardScripts;
  readonly #drain: DrainRate;
  /** As the last admission left them. */
  #outstanding = 0;
  #bytes = 0;
  #backlog = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#drain = new DrainRate({ floor: options.shard.priority !== 'low' });
    this.#scripts = new ShardScripts(options.redis, options.keys);
  }

  /** Requests that the shard settles a second while work waits; 0: not known. */
  get drainPerSecond(): number {
    return this.#drain.perSecond(performance.now());
  }

  /** Far from all bounds at the last admission, nobody waited, and nothing large: none of these will be refused, most likely. */
  isRoomy(requests: readonly NewRequest[]): boolean {
    const { bound, boundBytes } = this.#bounds();
    return (
      this.#backlog === 0 &&
      this.#outstanding + requests.length < bound * ROOMY &&
      this.#bytes < boundBytes / 2 &&
      requests.every(({ payload }) => payload.length <= INLINE_BYTES)
    );
  }

  /**
   * `jobOf`: the job in which each request will travel. `lane`: where all go; empty: who is over its share overflows.
   * The script has been sent when this returns its promise.
   */
  async ask(
    requests: readonly NewRequest[],
    jobOf: ReadonlyMap<NewRequest, string>,
    lane: 'main' | '',
  ): Promise<Verdict[]> {
    const { policy, gateway, keptBytes } = this.#options;
    const { bound, boundBytes } = this.#bounds();
    const drain = this.drainPerSecond;
    const args: Argument[] = [bound, boundBytes, LARGE_BYTES, keptBytes, Math.round(policy.maxWaitMs * PREDICTED), drain, lane, gateway]; // prettier-ignore
    for (const request of requests) {
      args.push(
        refOf(request.tenant, request.id),
        jobOf.get(request) as string,
        request.idempotency ? idempotencyKey(request.tenant, request.idempotency.key) : '',
        request.timeoutMs,
        request.payload.length,
        keepMs(request),
        request.mode,
        request.model,
        request.version,
      );
    }
    const reply = (await this.#scripts.call('admit', args)) as ScriptReply;
    await failpoint('gateway.admit.after');
    return this.#read(requests, reply, drain);
  }

  /**
   * `low` has half of its bounds while those that matter more crowd its pool, and only a little while both wait and
   * nobody knows yet what rate the others leave it: in an overload it would be full before that is measured.
   */
  #bounds(): Bounds {
    const { policy, pressure, shard } = this.#options;
    const { bound, boundBytes } = policy;
    const now = performance.now();
    if (shard.priority !== 'low') return policy;
    const unknown = this.#backlog > 0 && this.drainPerSecond === 0;
    if (unknown && pressure.queues(shard.pool, now))
      return { bound: Math.ceil(bound * UNKNOWN_RATE), boundBytes };
    if (!pressure.crowds(shard.pool, now)) return policy;
    return { bound: Math.floor(bound / 2), boundBytes: Math.floor(boundBytes / 2) };
  }

  #read(requests: readonly NewRequest[], reply: ScriptReply, drain: number): Verdict[] {
    const { policy, pressure, shard } = this.#options;
    const [, outstanding, bytes, settled, backlog, ...found] = reply;
    this.#outstanding = outstanding;
    this.#bytes = bytes;
    this.#backlog = backlog;
    const verdicts = found.map((verdict, i) => {
      const request = requests[i] as NewRequest;
      if (verdict === 'live' || verdict === 'settled') return verdict;
      if (verdict !== 'main' && verdict !== 'overflow') return this.#refusal(request, verdict, drain);
      this.#outstanding += 1;
      this.#bytes += request.payload.length;
      return verdict;
    });
    const now = performance.now();
    this.#drain.observe({ at: now, settled, outstanding, backlog });
    const fill = Math.max(this.#outstanding / policy.bound, this.#bytes / policy.boundBytes);
    pressure.note(shard, { fill, waits: backlog > 0 }, now);
    return verdicts;
  }

  #refusal({ payload, timeoutMs }: NewRequest, reason: RefusalReason, drain: number): AppError {
    const { shard, policy, keptBytes } = this.#options;
    const facts = (details: Record<string, unknown>, excess = 1) =>
      refusal(reason, { shard, details, retryAfterS: this.#drain.retryAfterS(excess, Math.random()) });
    switch (reason) {
      case 'deadline':
      case 'wait': {
        const longest = reason === 'deadline' ? timeoutMs : policy.maxWaitMs * PREDICTED;
        const predicted = Math.round((this.#outstanding * 1000) / drain);
        const details = {
          predicted_wait_ms: predicted,
          timeout_ms: timeoutMs,
          max_wait_ms: policy.maxWaitMs,
        };
        return facts(details, this.#outstanding - (longest * drain) / 1000);
      }
      case 'bytes':
      case 'large':
        if (payload.length > policy.boundBytes / 2)
          return tooLargeEver(payload.length, policy.boundBytes / 2);
        return facts({ bytes: payload.length, large_bytes: LARGE_BYTES, bound_bytes: policy.boundBytes });
      case 'kept':
        // The share is counted by the hour.
        return refusal(reason, { shard, details: { max_bytes: keptBytes }, retryAfterS: soonS(1_200) });
      default:
        return facts({ bound: policy.bound });
    }
  }
}

/** It is refused whatever else there is: large payloads have half of the bytes. */
function tooLargeEver(bytes: number, most: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `the inputs have ${bytes} bytes, this queue takes ${most} at most`, { details: { bytes, max_bytes: most } }); // prettier-ignore
}
