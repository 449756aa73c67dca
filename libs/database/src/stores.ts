import type {
  AuditStore,
  KeyStore,
  LeaseStore,
  RegistryStore,
  RolloutStore,
} from '@frontier/contracts/registry';
import { createAuditStore } from './audit-store.ts';
import { openDatabase, type Database, type DatabaseOptions } from './database.ts';
import { createKeyStore } from './key-store.ts';
import { createLeaseStore } from './lease-store.ts';
import { createRegistryStore } from './registry-store.ts';
import { createRolloutStore } from './rollout-store.ts';

export interface Stores {
  registry: RegistryStore;
  rollouts: RolloutStore;
  audit: AuditStore;
  keys: KeyStore;
  leases: LeaseStore;
  close(): Promise<void>;
}

/**
 * All stores over one database, whose schema is brought up to date first. Throws UNAVAILABLE when it cannot be
 * reached; so does every method later. A change is there, with its audit entry, when its promise has resolved.
 */
export async function openStores(options: DatabaseOptions): Promise<Stores> {
  return storesOf(await openDatabase(options));
}

export function storesOf(database: Database): Stores {
  return {
    registry: createRegistryStore(database),
    rollouts: createRolloutStore(database),
    audit: createAuditStore(database),
    keys: createKeyStore(database),
    leases: createLeaseStore(database),
    close: () => database.close(),
  };
}
