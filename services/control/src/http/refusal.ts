import { AppError } from '@frontier/contracts/errors';

/** CONFLICT: something has to happen first, which the message names. */
export function conflict(reason: string, message: string): AppError {
  return new AppError('CONFLICT', message, { details: { reason } });
}

/** FORBIDDEN: somebody else has to do it. */
export function forbidden(reason: string, message: string): AppError {
  return new AppError('FORBIDDEN', message, { details: { reason } });
}
