import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { SingleTenantResolver } from '@frontier/contracts/tenant';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import { Catalogue } from '@frontier/model-store/catalogue';
import { openRepository } from '@frontier/model-store/repository';
import { createInferenceQueue } from '@frontier/redis/inference-queue';
import { RelayClient } from '@frontier/rpc/relay-client';
import type { Config } from './config.ts';
import { Gateway } from './service.ts';

/** The gateway on its real surroundings: Redis, the dispatchers, the folders of models. */
export async function createGateway(config: Config, { log, registry }: ServiceContext): Promise<Service> {
  const gatewayId = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const { models, faults } = await openRepository(config.modelRepository);
  for (const fault of faults) log.warn(fault, 'model left out');
  const queue = createInferenceQueue({
    redisUrl: config.redisUrl,
    gatewayId,
    policies: config.queues,
    shards: config.shards,
    keptBytes: config.keptResultBytes,
    replication: { replicas: config.redisReplicas, timeoutMs: config.redisReplicaTimeoutMs },
    log,
    registry,
  });
  const relay = new RelayClient({ gatewayId, addresses: config.dispatchers, log });
  const tenants = new SingleTenantResolver(config.defaultTenant);
  const catalogue = new Catalogue(models);
  const gateway = new Gateway(config, { queue, relay, tenants, catalogue, log, registry });
  return {
    async start() {
      await queue.start();
      relay.start();
      await gateway.start();
    },
    async stop() {
      await gateway.stop();
      relay.stop();
      await queue.stop();
    },
    ready: () => gateway.ready(),
  };
}
