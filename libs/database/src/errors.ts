import { AppError } from '@frontier/contracts/errors';

/** `SQLSTATE`s and Node's error codes that mean: not now, perhaps later. */
const AWAY = /^(08|53|57P|58)|^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;
/** Of the driver, which gives these no code. */
const AWAY_MESSAGE = /timeout exceeded when trying to connect|Query read timeout|Connection terminated|timeout expired|Client has encountered a connection error|not queryable|is clos(ed|ing)/; // prettier-ignore

const RETRY_AFTER_S = 1;

/** What PostgreSQL, a driver or a store threw, as an error that a caller may see. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const cause = rootOf(thrown);
  const code = textOf(cause, 'code');
  if (AWAY.test(code) || AWAY_MESSAGE.test(textOf(cause, 'message'))) {
    return new AppError('UNAVAILABLE', 'the database cannot be reached; try again', {
      retryAfterS: RETRY_AFTER_S,
      cause: thrown,
    });
  }
  if (code === '57014') return new AppError('TIMEOUT', 'the database took too long', { cause: thrown });
  if (/^(23505|40001|40P01)$/.test(code))
    return new AppError('CONFLICT', 'somebody else changed it at the same moment; read it again', {
      cause: thrown,
    });
  if (code.startsWith('22'))
    return new AppError('INVALID_INPUT', 'a value cannot be stored, for example a text with a null character', { cause: thrown }); // prettier-ignore
  return AppError.from(thrown);
}

/** True where a statement broke this constraint (the name of a unique index or foreign key). */
export function broke(error: unknown, constraint: string): boolean {
  return textOf(error, 'constraint') === constraint;
}

/** A host with several addresses fails with one error for each. */
function rootOf(thrown: unknown): unknown {
  return thrown instanceof AggregateError ? thrown.errors[0] : thrown;
}

function textOf(error: unknown, field: 'code' | 'message' | 'constraint'): string {
  const value = (error as Record<string, unknown> | null | undefined)?.[field];
  return typeof value === 'string' ? value : '';
}
