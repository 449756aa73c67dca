import type { NewAuditEntry, Role } from '@frontier/contracts/registry';
import type { z } from 'zod';
import type { Caller } from '../keys/authenticator.ts';

export interface Call<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  caller: Caller;
}

export interface Reply {
  /** 200 unless it is given. */
  status?: number;
  data: unknown;
  /** Where the next page of a list begins. */
  next?: string | undefined;
}

/** One route: what answers it, and what `/openapi.json` says of it. */
export interface Route {
  method: 'get' | 'post';
  /** `/admin/versions/{model}`: the names are those of `params`. */
  path: string;
  summary: string;
  /** The least role that may call it. */
  role: Role;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodObject;
  handle(call: Call<unknown, unknown, unknown>): Promise<Reply>;
}

type Output<S> = S extends z.ZodObject ? z.output<S> : undefined;

/** A route whose handler gets what its schemas give. */
export function route<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodObject | undefined = undefined,
>(
  definition: Omit<Route, 'params' | 'query' | 'body' | 'handle'> & {
    params?: P;
    query?: Q;
    body?: B;
    handle(call: Call<Output<P>, Output<Q>, Output<B>>): Promise<Reply>;
  },
): Route {
  return definition as Route;
}

/** The line of the audit log about a change. */
export function audit(
  caller: Caller,
  action: string,
  subject: string,
  { before = null, after = null, why }: { before?: unknown; after?: unknown; why: string },
): NewAuditEntry {
  return { who: caller.who, action, subject, before, after, why };
}
