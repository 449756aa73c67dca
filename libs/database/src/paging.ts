import { AppError } from '@frontier/contracts/errors';
import type { Page } from '@frontier/contracts/registry';
import type { z } from 'zod';

const MAX_PAGE = 1_000;

/** How many a caller gets at most, whatever was asked for. */
export function pageSize(limit: number): number {
  return Math.max(1, Math.min(Math.floor(limit), MAX_PAGE));
}

/** What a cursor stands for: the keys of the last item of the page before. Throws INVALID_INPUT for any other text. */
export function readCursor<T>(cursor: string | undefined, keys: z.ZodType<T>): T | undefined {
  if (cursor === undefined) return undefined;
  try {
    return keys.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (error) {
    throw new AppError('INVALID_INPUT', 'the cursor is not one of this list; begin without one', {
      cause: error,
    });
  }
}

/** A page of at most `size` items, made from one row more than that. */
export function pageOf<Row, T>(
  rows: Row[],
  size: number,
  keys: (last: Row) => unknown[],
  item: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  const next = rows.length > size && last !== undefined ? keys(last) : undefined;
  return {
    items: shown.map((row) => item(row)),
    next: next && Buffer.from(JSON.stringify(next)).toString('base64url'),
  };
}
