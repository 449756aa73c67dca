import { AppError } from '@frontier/contracts/errors';
import type { z } from 'zod';

/** INVALID_INPUT about one field or parameter of a request. */
export function invalid(message: string, details?: Record<string, unknown>): AppError {
  return new AppError('INVALID_INPUT', message, { details });
}

/** What callers wrote is repeated to them only so far, however long it is. */
const MAX_TEXT = 128;
const MAX_PROBLEMS = 10;

/** The beginning of a name or value that a caller gave. */
export function shown(text: string): string {
  return text.slice(0, MAX_TEXT);
}

/** INVALID_INPUT that names the first offending field, and in its details all of them. */
export function invalidBySchema(error: z.ZodError, prefix = ''): AppError {
  const problems = error.issues.slice(0, MAX_PROBLEMS).map((issue) => ({
    field: shown(prefix + fieldOf(issue)),
    problem: shown(issue.message),
  }));
  const [first] = problems;
  return invalid(`${first?.field || 'body'}: ${first?.problem}`, { field: first?.field, problems });
}

function fieldOf(issue: z.core.$ZodIssue): string {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  return path.join('.');
}
