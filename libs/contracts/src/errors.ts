/**
 * The one table of error codes with both of their wire mappings: `[HTTP status, gRPC status]`.
 * gRPC numbers are those of `google.rpc.Code`.
 */
const WIRE = {
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
} as const satisfies Record<string, readonly [http: number, grpc: number]>;

export type ErrorCode = keyof typeof WIRE;

export const ERROR_CODES = Object.keys(WIRE) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(WIRE, value);
}

export function httpStatusOf(code: ErrorCode): number {
  return WIRE[code][0];
}

export function grpcStatusOf(code: ErrorCode): number {
  return WIRE[code][1];
}

export interface ErrorOptions {
  /** Facts for the caller: the offending parameter, both shapes, what to do next. Never secrets. */
  details?: Record<string, unknown> | undefined;
  /** Seconds after which a refused caller may try again; becomes `Retry-After` and gRPC RetryInfo. */
  retryAfterS?: number | undefined;
  /** What went wrong inside. Logged, never sent. */
  cause?: unknown;
}

/** An error that a caller may see: a code of the table, a message that says what to do, hidden cause. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
    this.retryAfterS = options.retryAfterS;
  }

  /** Whatever was thrown, as an AppError. Unknown causes become INTERNAL_ERROR and keep their text hidden. */
  static from(thrown: unknown): AppError {
    if (thrown instanceof AppError) return thrown;
    return new AppError('INTERNAL_ERROR', 'internal error', { cause: thrown });
  }
}

/** The form of an error that travels in records, replies and dead letters. */
export interface WireError {
  code: ErrorCode;
  message: string;
  details?: Record<string, unknown> | undefined;
  retryAfterS?: number | undefined;
}

export function toWireError(error: AppError): WireError {
  const wire: WireError = { code: error.code, message: error.message };
  if (error.details) wire.details = error.details;
  if (error.retryAfterS !== undefined) wire.retryAfterS = error.retryAfterS;
  return wire;
}

export function fromWireError(wire: WireError): AppError {
  const code = isErrorCode(wire.code) ? wire.code : 'INTERNAL_ERROR';
  return new AppError(code, wire.message, { details: wire.details, retryAfterS: wire.retryAfterS });
}
