import { AppError } from '@frontier/contracts/errors';
import type { z } from 'zod';

/** What callers wrote is repeated to them only so far. */
const MAX_TEXT = 200;
const MAX_PROBLEMS = 10;

/** INVALID_INPUT that names the first offending field, and in its details all of them. */
export function invalidBySchema(error: z.ZodError): AppError {
  const problems = error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    return { field: path.join('.').slice(0, MAX_TEXT), problem: issue.message.slice(0, MAX_TEXT) };
  });
  const [first] = problems;
  return new AppError('INVALID_INPUT', `${first?.field || 'body'}: ${first?.problem}`, {
    details: { field: first?.field, problems },
  });
}

/** What Express's body parser throws, as an error that says what to do. */
export function invalidBody(thrown: unknown, maxBytes: number): AppError {
  const { type } = thrown as { type?: string };
  switch (type) {
    case 'entity.too.large':
      return new AppError('PAYLOAD_TOO_LARGE', `the body is over ${maxBytes} bytes`, {
        details: { max_bytes: maxBytes },
      });
    case 'request.aborted':
      return new AppError('CANCELLED', 'the caller has gone');
    case 'encoding.unsupported':
      return new AppError('INVALID_INPUT', 'Content-Encoding: one of gzip, deflate, br, identity');
    default:
      return new AppError('INVALID_INPUT', 'the body is not JSON');
  }
}
