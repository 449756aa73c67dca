import { openStores, type Stores } from './stores.ts';
import { auditContract, keyContract, leaseContract } from './testing/access-contract.ts';
import { engines, type Engine } from './testing/engines.ts';
import { registryContract } from './testing/registry-contract.ts';
import { rolloutContract } from './testing/rollout-contract.ts';

describe.each(engines)('stores on $name', ({ start }) => {
  let engine: Engine;
  let opened: Stores;
  const stores = () => opened;

  beforeAll(async () => {
    engine = await start();
    opened = await openStores(engine.options);
  }, 60_000);

  afterAll(async () => {
    await opened.close();
    await engine.stop();
  });

  describe('registry', () => {
    registryContract(stores);
  });
  describe('rollouts', () => {
    rolloutContract(stores);
  });
  describe('audit log', () => {
    auditContract(stores);
  });
  describe('keys', () => {
    keyContract(stores);
  });
  describe('leases', () => {
    leaseContract(stores);
  });
});
