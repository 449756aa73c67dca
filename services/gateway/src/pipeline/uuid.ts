import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const SIZE = 16;
const pool = new Uint8Array(256 * SIZE);
let at = pool.length;

/** A UUID of version 7. Its randomness is fetched for many at once: a system call each would cost more than the rest. */
export function uuidv7(): string {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  const random = pool.slice(at, at + SIZE);
  at += SIZE;
  return v7({ random });
}
