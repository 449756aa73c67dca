import type { AuditStore } from '@frontier/contracts/registry';
import { z } from 'zod';
import { route, type Route } from '../http/route.ts';
import { given, page } from '../http/schemas.ts';

/** The audit log: read, never written. */
export function auditRoutes(store: AuditStore): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/audit',
      summary: 'Who changed what, from what to what, and why',
      role: 'approver',
      query: z.strictObject({
        ...page,
        subject: z.string().min(1).max(256).optional(),
        who: z.string().min(1).max(64).optional(),
      }),
      async handle({ query: { limit, cursor, ...filter } }) {
        const { items, next } = await store.list(given(filter), limit, cursor);
        return { data: items, next };
      },
    }),
    route({
      method: 'get',
      path: '/admin/audit/verify',
      summary: 'Whether the hash chain of the log is sound, or its first broken line',
      role: 'approver',
      async handle() {
        const broken = await store.verify();
        return { data: { sound: broken === undefined, broken: broken ?? null } };
      },
    }),
  ];
}
