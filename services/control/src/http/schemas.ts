import { newVersionSchema } from '@frontier/contracts/registry';
import { z } from 'zod';

export const model = newVersionSchema.shape.model;
export const version = newVersionSchema.shape.version;
export const digest = newVersionSchema.shape.digest;

/** An id that this service or a dispatcher made. */
export const id = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/);

/** Every change says why; it stands in the audit log for good. */
export const why = z.string().trim().min(3).max(1000).describe('Why; kept in the audit log');

export const page = {
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(1024).optional(),
};

/** A copy without the keys that are undefined, which the stores tell from absent ones. */
export function given<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
