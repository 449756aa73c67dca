import { AppError } from '@frontier/contracts/errors';
import { sql, type Kysely, type Transaction } from 'kysely';
import { canonicalJson, sha256 } from './canonical-json.ts';
import { now, type Tables } from './tables.ts';

// A chain is an append-only log: the hash of a line is of its text and the hash before, so no line changes unseen.

interface Link {
  seq: number;
  hash: string;
}

const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** Lines read at once while a chain is checked; a line may be large. */
const PAGE = 100;

const hashOf = (previous: string, text: string) => sha256(`${previous}\n${text}`);

/** Begins a chain, with nothing in it; the first line will be 1. */
export async function beginChain(tx: Transaction<Tables>, chain: string): Promise<void> {
  await tx.insertInto('chains').values({ name: chain, seq: 0, hash: '' }).execute();
}

/**
 * Appends what `make` gives for its number and time (Unix ms, by the database). Until the transaction ends nobody
 * else can append to this chain. Undefined where the chain does not exist or `expected` is not the next number.
 */
export async function appendLine<T extends object>(
  tx: Transaction<Tables>,
  chain: string,
  make: (seq: number, at: number) => T,
  expected?: number,
): Promise<(T & Link) | undefined> {
  let update = tx
    .updateTable('chains')
    .set((table) => ({ seq: table('seq', '+', 1) }))
    .where('name', '=', chain);
  if (expected !== undefined) update = update.where('seq', '=', expected - 1);
  const head = await update.returning(['seq', 'hash', now.as('at')]).executeTakeFirst();
  if (!head) return undefined;
  const text = canonicalJson(make(head.seq, head.at));
  if (Buffer.byteLength(text) > MAX_LINE_BYTES) {
    throw new AppError('PAYLOAD_TOO_LARGE', `a line of a log may have ${MAX_LINE_BYTES} bytes`);
  }
  const hash = hashOf(head.hash, text);
  await tx.insertInto('chainLines').values({ chain, seq: head.seq, line: text, hash }).execute();
  await tx.updateTable('chains').set({ hash }).where('name', '=', chain).execute();
  // As it will be read: what JSON does not know is gone.
  return { ...(JSON.parse(text) as T), seq: head.seq, hash };
}

/** The number of the first line that is changed or missing; undefined: the chain is sound, up to its end. */
export async function verifyChain(db: Kysely<Tables>, chain: string): Promise<number | undefined> {
  const head = await db
    .selectFrom('chains')
    .select(['seq', 'hash'])
    .where('name', '=', chain)
    .executeTakeFirst();
  if (!head) throw new AppError('NOT_FOUND', `there is no log ${chain}`);
  let last: Link = { seq: 0, hash: '' };
  while (last.seq < head.seq) {
    const lines = await linesAfter(db, chain, last.seq, Math.min(PAGE, head.seq - last.seq));
    for (const { seq, hash, text } of lines) {
      if (seq !== last.seq + 1 || hash !== hashOf(last.hash, text)) return last.seq + 1;
      last = { seq, hash };
    }
    if (lines.length === 0) return last.seq + 1;
  }
  return last.hash === head.hash ? undefined : last.seq;
}

function linesAfter(db: Kysely<Tables>, chain: string, after: number, limit: number) {
  return db
    .selectFrom('chainLines')
    .select(['seq', 'hash', sql<string>`line::text`.as('text')])
    .where('chain', '=', chain)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
}
