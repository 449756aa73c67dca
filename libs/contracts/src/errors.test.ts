import { AppError, ERROR_CODES, fromWireError, grpcStatusOf, httpStatusOf, toWireError } from './errors.ts';

describe('the error table', () => {
  it('has one HTTP and one gRPC status for each code of the spec', () => {
    const table = Object.fromEntries(
      ERROR_CODES.map((code) => [code, [httpStatusOf(code), grpcStatusOf(code)]]),
    );
    expect(table).toEqual({
      INVALID_INPUT: [400, 3],
      UNAUTHORIZED: [401, 16],
      FORBIDDEN: [403, 7],
      NOT_FOUND: [404, 5],
      CONFLICT: [409, 10],
      PAYLOAD_TOO_LARGE: [413, 3],
      BLOCKED: [422, 9],
      RATE_LIMITED: [429, 8],
      OVERLOADED: [429, 8],
      UNAVAILABLE: [503, 14],
      TIMEOUT: [504, 4],
      UPSTREAM_ERROR: [502, 14],
      CANCELLED: [499, 1],
      INTERNAL_ERROR: [500, 13],
    });
  });

  it('hides what nobody outside may see', () => {
    const error = AppError.from(new Error('password is hunter2'));
    expect(JSON.stringify(toWireError(error))).not.toContain('hunter2');
    expect(error.code).toBe('INTERNAL_ERROR');
  });

  it('survives the wire, and an unknown code does not', () => {
    const error = new AppError('OVERLOADED', 'full', { details: { bound: 3 }, retryAfterS: 2 });
    expect(fromWireError(toWireError(error))).toMatchObject({
      code: 'OVERLOADED',
      message: 'full',
      retryAfterS: 2,
    });
    expect(fromWireError({ code: 'NEW_ONE' as 'TIMEOUT', message: 'x' }).code).toBe('INTERNAL_ERROR');
  });
});
