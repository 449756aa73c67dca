import { AppError } from './errors.ts';

/** Who calls, as far as the transport knows. */
export interface CallerCredentials {
  authorization?: string | undefined;
  /** `x-tenant-id`: only trusted callers may set it. */
  tenantHint?: string | undefined;
}

export interface Tenant {
  id: string;
}

/** Resolves a caller to its tenant. Throws UNAUTHORIZED or FORBIDDEN for one that may not call. */
export interface TenantResolver {
  resolve(caller: CallerCredentials): Promise<Tenant> | Tenant;
}

/** Fits into keys and labels: no colon, no blank. */
const TENANT = /^[\w.-]{1,64}$/;

/** An installation without accounts: everybody is the default tenant, or the one that a trusted proxy names. */
export class SingleTenantResolver implements TenantResolver {
  readonly #tenant: Tenant;

  constructor(id: string) {
    this.#tenant = { id };
  }

  resolve({ tenantHint }: CallerCredentials): Tenant {
    if (tenantHint === undefined) return this.#tenant;
    if (!TENANT.test(tenantHint))
      throw new AppError('INVALID_INPUT', 'x-tenant-id: 1 to 64 of A-Z a-z 0-9 . _ -');
    return { id: tenantHint };
  }
}
