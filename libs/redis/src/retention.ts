import type { NewRequest } from '@frontier/contracts/request';

const MINUTE = 60_000;

/** How long the terminal record of a plain synchronous call is kept: for answers that got lost on their way. */
const PLAIN_RESULT_MS = 2 * MINUTE;
/** Of jobs and of calls with an idempotency key, and how long a key is remembered. */
export const KEPT_RESULT_MS = 24 * 60 * MINUTE;
/** Of a dead letter. */
export const DEAD_LETTER_MS = 7 * 24 * 60 * MINUTE;
/** Of a token log, after its request has ended. */
export const TOKEN_LOG_MS = 2 * MINUTE;
/** Of a reply stream, after its gateway's last sign of life. */
export const REPLY_STREAM_MS = 10 * MINUTE;

export function keepMs(request: Pick<NewRequest, 'mode' | 'idempotency'>): number {
  return request.mode === 'job' || request.idempotency ? KEPT_RESULT_MS : PLAIN_RESULT_MS;
}
