import { createHash, createHmac, randomBytes } from 'node:crypto';

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const CHECKSUM_DIGITS = 8;
const FORM = /^frn_([a-z0-9]{1,16})_([0-9a-f]{16})_([0-9a-f]{64})([0-9a-f]{8})$/;

/** A key as its holder has it: `frn_<environment>_<id>_<secret><checksum>`. */
export interface Token {
  environment: string;
  id: string;
  text: string;
}

export function newToken(environment: string): Token {
  const id = randomBytes(ID_BYTES).toString('hex');
  const body = `frn_${environment}_${id}_${randomBytes(SECRET_BYTES).toString('hex')}`;
  return { environment, id, text: body + checksum(body) };
}

/** Undefined: not a key. The checksum finds typing mistakes before anything is looked up. */
export function parseToken(text: string): Token | undefined {
  const [, environment, id] = FORM.exec(text) ?? [];
  if (environment === undefined || id === undefined) return undefined;
  const body = text.slice(0, -CHECKSUM_DIGITS);
  return checksum(body) === text.slice(-CHECKSUM_DIGITS) ? { environment, id, text } : undefined;
}

/** What is stored of a key. The secret has 256 random bits, so a fast hash is enough; the pepper is not in the database. */
export function hashOf(token: Token, pepper: string): string {
  return createHmac('sha256', pepper).update(token.text).digest('hex');
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, CHECKSUM_DIGITS);
}
