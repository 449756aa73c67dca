import { AppError } from '@frontier/contracts/errors';
import { OWNER_ROLES, ROLES, type KeyStore } from '@frontier/contracts/registry';
import { z } from 'zod';
import { audit, route, type Route } from '../http/route.ts';
import { why } from '../http/schemas.ts';
import { hashOf, newToken } from '../keys/token.ts';

export interface KeySettings {
  environment: string;
  pepper: string;
}

const keyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/, 'must be lower case letters, digits and . _ @ -')
  .describe('The person or program that holds it; two keys of one person have one name');

/** Keys of the admin API. */
export function keyRoutes(keys: KeyStore, { environment, pepper }: KeySettings): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/keys',
      summary: 'All keys, without their secrets',
      role: 'admin',
      handle: async () => ({ data: await keys.list() }),
    }),
    route({
      method: 'post',
      path: '/admin/keys',
      summary: 'A new key; the answer is the only time that it is shown',
      role: 'admin',
      body: z.strictObject({
        name: keyName,
        role: z.enum(ROLES),
        owns: z.array(z.enum(OWNER_ROLES)).max(OWNER_ROLES.length).default([]),
        why,
      }),
      async handle({ caller, body: { why, ...wanted } }) {
        const token = newToken(environment);
        const record = await keys.create(
          { id: token.id, ...wanted, secretHash: hashOf(token, pepper) },
          audit(caller, 'key.create', `key/${token.id}`, { after: wanted, why }),
        );
        return { status: 201, data: { ...record, key: token.text } };
      },
    }),
    route({
      method: 'post',
      path: '/admin/keys/{id}/revoke',
      summary: 'Makes a key useless at once',
      role: 'admin',
      params: z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/) }),
      body: z.strictObject({ why }),
      async handle({ caller, params: { id }, body }) {
        // So there is always an admin left.
        if (id === caller.keyId) {
          throw new AppError('CONFLICT', 'a key cannot revoke itself: use another admin key', {
            details: { reason: 'own_key' },
          });
        }
        const entry = audit(caller, 'key.revoke', `key/${id}`, { before: { revoked: false }, after: { revoked: true }, why: body.why }); // prettier-ignore
        if (!(await keys.revoke(id, entry))) {
          throw new AppError('NOT_FOUND', `no key ${id}, or revoked already: see the list of keys`);
        }
        return { data: { id, revoked: true } };
      },
    }),
  ];
}
