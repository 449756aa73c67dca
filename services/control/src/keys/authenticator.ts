import { timingSafeEqual } from 'node:crypto';
import { AppError } from '@frontier/contracts/errors';
import { ROLES, type KeyStore, type OwnerRole, type Role } from '@frontier/contracts/registry';
import type { Logger } from '@frontier/kit/logger';
import { hashOf, parseToken } from './token.ts';

/** Whose request it is. */
export interface Caller {
  keyId: string;
  /** The name of the key: a person or a program. Who has two keys has one name, so it is what "not the author" compares. */
  who: string;
  role: Role;
  owns: readonly OwnerRole[];
}

export interface AuthenticatorOptions {
  keys: KeyStore;
  environment: string;
  pepper: string;
  log: Logger;
}

/** The use of a key is noted this often at most. */
const USED_EVERY_MS = 60_000;
const MAX_NOTED = 10_000;
const NOBODY = '0'.repeat(64);

/** Bearer keys. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #noted = new Map<string, number>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Throws UNAUTHORIZED, with one text for all keys that are no good: which one it is tells who is guessing. */
  async caller(authorization: string | undefined): Promise<Caller> {
    const [, text] = /^Bearer ([\x21-\x7e]{1,256})$/i.exec(authorization ?? '') ?? [];
    if (text === undefined) {
      throw new AppError('UNAUTHORIZED', 'send a key: Authorization: Bearer frn_…');
    }
    const { keys, environment, pepper } = this.#options;
    const token = parseToken(text);
    if (!token || token.environment !== environment) {
      throw new AppError('UNAUTHORIZED', `not a key of the environment ${environment}`);
    }
    const key = await keys.find(token.id);
    const hash = Buffer.from(hashOf(token, pepper), 'hex');
    const right = timingSafeEqual(hash, Buffer.from(key?.secretHash ?? NOBODY, 'hex'));
    if (!key || !right || key.revokedAt !== null) {
      throw new AppError('UNAUTHORIZED', 'this key is unknown or revoked: ask an admin for another one');
    }
    this.#note(key.id);
    return { keyId: key.id, who: key.name, role: key.role, owns: key.owns };
  }

  #note(id: string): void {
    const now = performance.now();
    if (now - (this.#noted.get(id) ?? -Infinity) < USED_EVERY_MS) return;
    if (this.#noted.size >= MAX_NOTED) this.#noted.clear();
    this.#noted.set(id, now);
    this.#options.keys.used(id).catch((error: unknown) => {
      this.#options.log.warn({ err: error, key: id }, 'could not note the use of a key');
    });
  }
}

/** Throws FORBIDDEN unless the caller's role is at least this one. */
export function requireRole(caller: Caller, role: Role): void {
  if (ROLES.indexOf(caller.role) >= ROLES.indexOf(role)) return;
  throw new AppError('FORBIDDEN', `this takes the role ${role}, ${caller.who} is ${caller.role}`, {
    details: { reason: 'role', role },
  });
}
