import type { AuditStore, KeyStore, RegistryStore, RolloutStore } from '@frontier/contracts/registry';

/** The part of the database that the admin API is about. */
export interface Stores {
  registry: RegistryStore;
  rollouts: RolloutStore;
  audit: AuditStore;
  keys: KeyStore;
}
