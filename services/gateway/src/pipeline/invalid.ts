import { AppError } from '@frontier/contracts/errors';
import type { z } from 'zod';

/** INVALID_INPUT about one field or parameter of a request. */
export function invalid(message: string, details?: Record<string, unknown>): AppError {
  return new AppError('INVALID_INPUT', message, { details });
}

/** INVALID_INPUT that names the first offending field, and in its details all of them. */
export function invalidBySchema(error: z.ZodError, prefix = ''): AppError {
  const problems = error.issues.map((issue) => ({ field: prefix + fieldOf(issue), problem: issue.message }));
  const [first] = problems;
  return invalid(`${first?.field || 'body'}: ${first?.problem}`, { field: first?.field, problems });
}

function fieldOf(issue: z.core.$ZodIssue): string {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  return path.join('.');
}
