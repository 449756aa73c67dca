import { FAILURE_KINDS, type DeadLetter } from '@frontier/contracts/dead-letter';
import type { WireError } from '@frontier/contracts/errors';
import type { BundledRequest } from '@frontier/contracts/request';

/** Of its history a letter keeps the last executions. */
const MAX_HISTORY = 10;
/** Characters of an error, and of the details of one. */
const MAX_ERROR = 4_500;
const MAX_PAST_ERROR = 500;
/** Characters of a letter in all, beside its payload: thousands of them lie in Redis. */
const MAX_LETTER = 24_000;

/** A letter within its bounds, whatever a worker or a job written by hand put into it. */
export function encodeLetter(letter: DeadLetter): DeadLetter {
  const { failures } = letter.request;
  const history = failures
    ?.slice(-MAX_HISTORY)
    .map(({ at, error }) => ({ at, error: shortened(error, MAX_PAST_ERROR) }));
  const bounded = {
    ...letter,
    error: shortened(letter.error, MAX_ERROR),
    request: { ...letter.request, failures: history },
  };
  const { inline: _inline, ...beside } = bounded.request;
  if (JSON.stringify({ ...bounded, request: beside }).length <= MAX_LETTER) return bounded;
  return { ...bounded, model: '', version: '', request: stub(letter.request), withoutPayload: true };
}

/** Undefined for what is no letter: somebody else may have added to the queue. */
export function parseLetter(data: string | null): DeadLetter | undefined {
  if (data === null) return undefined;
  try {
    const letter = JSON.parse(data) as DeadLetter | null;
    return FAILURE_KINDS.includes(letter?.kind as DeadLetter['kind']) && letter?.request && letter.error
      ? letter
      : undefined;
  } catch {
    return undefined;
  }
}

function shortened({ code, message, details }: WireError, max: number): WireError {
  const short: WireError = { code, message: message.slice(0, max) };
  return details && JSON.stringify(details).length <= max ? { ...short, details } : short;
}

/** What cannot be kept whole cannot run again either: only what names it stays. */
function stub({ id, epoch, tenant, mode, timeoutMs }: BundledRequest): BundledRequest {
  return { id, epoch, tenant, model: '', version: '', mode, timeoutMs };
}
