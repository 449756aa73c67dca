import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { SingleTenantResolver } from '@frontier/contracts/tenant';
import type { Service, ServiceContext } from '@frontier/kit/lifecycle';
import { Catalogue } from '@frontier/model-store/catalogue';
import type { Repository } from '@frontier/model-store/repository';
import { repositoryOptions } from '@frontier/model-store/settings';
import { RepositoryWatcher } from '@frontier/model-store/watch';
import { createInferenceQueue } from '@frontier/redis/inference-queue';
import { TrafficWatch } from '@frontier/redis/traffic-watch';
import { RelayClient } from '@frontier/rpc/relay-client';
import type { Config } from './config.ts';
import { Gateway } from './service.ts';

/** The gateway on its real surroundings: Redis, the dispatchers, the folders of models. */
export function createGateway(config: Config, { log, registry }: ServiceContext): Service {
  const gatewayId = `${hostname()}-${randomBytes(4).toString('hex')}`;
  const catalogue = new Catalogue([]);
  const show = async ({ models, faults }: Repository) => {
    for (const fault of faults) log.warn(fault, 'model left out');
    catalogue.replace(models);
    await gateway.modelsChanged(models);
  };
  const { redisUrl } = config;
  const repository = new RepositoryWatcher(repositoryOptions(config), show);
  const queue = createInferenceQueue({
    redisUrl,
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
  const traffic = new TrafficWatch({
    redisUrl,
    name: gatewayId,
    log,
    onChange: (record) => gateway.trafficChanged(record),
  });
  const gateway: Gateway = new Gateway(config, { queue, relay, tenants, catalogue, traffic, log, registry });
  return {
    async start() {
      await show(await repository.start());
      await queue.start();
      await traffic.start();
      relay.start();
      await gateway.start();
    },
    async stop() {
      await gateway.stop();
      relay.stop();
      await queue.stop();
      await traffic.stop();
      await repository.stop();
    },
    ready: () => gateway.ready(),
  };
}
