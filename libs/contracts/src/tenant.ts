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

/** Everybody is the one default tenant: an installation without accounts. */
export class SingleTenantResolver implements TenantResolver {
  readonly #tenant: Tenant;

  constructor(id: string) {
    this.#tenant = { id };
  }

  resolve(): Tenant {
    return this.#tenant;
  }
}
