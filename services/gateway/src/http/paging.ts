import { z } from 'zod';
import { invalid, invalidBySchema } from '../pipeline/invalid.ts';

const querySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(1024).optional(),
});

export interface Page<T> {
  items: T[];
  next?: string;
  previous?: string;
}

/**
 * The page of a list, sorted by key, that `?limit=&cursor=` asks for. A cursor is opaque: the key at the edge of the
 * page that gave it, and the direction, so that pages stay right while items come and go. Throws INVALID_INPUT.
 */
export function pageOf<T>(sorted: readonly T[], keyOf: (item: T) => string, query: unknown): Page<T> {
  const parsed = querySchema.safeParse(query);
  if (!parsed.success) throw invalidBySchema(parsed.error);
  const { limit, cursor } = parsed.data;
  const start = cursor === undefined ? 0 : startOf(sorted.map(keyOf), decode(cursor), limit);
  const items = sorted.slice(start, start + limit);
  const page: Page<T> = { items };
  const [first, last] = [items[0], items.at(-1)];
  if (last && start + limit < sorted.length) page.next = encode('>', keyOf(last));
  if (first && start > 0) page.previous = encode('<', keyOf(first));
  return page;
}

type Direction = '>' | '<';

interface Cursor {
  direction: Direction;
  key: string;
}

function startOf(keys: readonly string[], { direction, key }: Cursor, limit: number): number {
  const at = keys.findIndex((candidate) => (direction === '>' ? candidate > key : candidate >= key));
  const edge = at < 0 ? keys.length : at;
  return direction === '>' ? edge : Math.max(edge - limit, 0);
}

function encode(direction: Direction, key: string): string {
  return Buffer.from(direction + key).toString('base64url');
}

function decode(cursor: string): Cursor {
  const text = Buffer.from(cursor, 'base64url').toString();
  const direction = text[0];
  if (direction !== '>' && direction !== '<')
    throw invalid('cursor: not one that this list gave', { field: 'cursor' });
  return { direction, key: text.slice(1) };
}
