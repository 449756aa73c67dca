/** What a tenant has used. Only differences between accounts mean anything. */
export interface Account {
  used: number;
  /** Queues that it waits in. */
  queues: number;
}

/** After this many new tenants those that wait for nothing are forgotten. */
const NEW_TENANTS = 1000;

/**
 * What each tenant of one priority has used, by cost; several queues may share it.
 *
 * `#now` is how far those have come whose turn it is (the virtual time of start-time fair queueing). Who comes back
 * starts there, so that nobody saves up a right while idle. A debt beyond it outlives the tenant's waiting: it is over
 * when all that wait have had as much.
 */
export class TenantAccounts {
  readonly #accounts = new Map<string, Account>();
  #now = 0;
  #sweepAt = NEW_TENANTS;

  /** A tenant begins to wait in a queue. */
  open(tenant: string): Account {
    const account = this.#of(tenant);
    if (account.queues === 0) account.used = Math.max(account.used, this.#now);
    account.queues += 1;
    return account;
  }

  /** A tenant no longer waits in a queue. */
  close(account: Account): void {
    account.queues -= 1;
  }

  /** A waiting tenant has its turn. */
  take(account: Account, cost: number): void {
    this.#now = Math.max(this.#now, account.used);
    account.used += cost;
  }

  /** Corrects an account by what a measurement says; negative: a refund. */
  charge(tenant: string, cost: number): void {
    this.#of(tenant).used += cost;
  }

  #of(tenant: string): Account {
    let account = this.#accounts.get(tenant);
    if (!account) {
      if (this.#accounts.size >= this.#sweepAt) this.#sweep();
      account = { used: this.#now, queues: 0 };
      this.#accounts.set(tenant, account);
    }
    return account;
  }

  #sweep(): void {
    let leastDebt = Infinity;
    for (const [tenant, { queues, used }] of this.#accounts) {
      if (queues > 0) continue;
      if (used > this.#now) leastDebt = Math.min(leastDebt, used);
      this.#accounts.delete(tenant);
    }
    // All debts lose the same: else tenants that come and are forgotten in turn would go before the others for ever.
    if (leastDebt < Infinity) this.#now = leastDebt;
    this.#sweepAt = this.#accounts.size + NEW_TENANTS;
  }
}
